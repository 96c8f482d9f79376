"""Refusing a login that row-level security does not hold for.

A superuser, or a role with BYPASSRLS, sees every row whatever the policies say. The embedded server is used as
its superuser by its one local owner, where work on rows takes on `engram_batch`; anywhere else it is refused.
"""

from warehouse.live.database import Live


class UnsafeLogin(RuntimeError):
    """The login could see every row around the policies."""


def refuse_unsafe_login(live: Live) -> None:
    """Check the login that `live` connects with; for every server but the embedded one, before any work.

    Raises:
        UnsafeLogin: it is a superuser, has BYPASSRLS, or may take on such a role.
        LiveUnavailable: the server is out of reach.
    """
    with live.connect(owner=True) as connection:
        row = connection.execute(
            "SELECT coalesce(bool_or(rolsuper), false), coalesce(bool_or(rolbypassrls), false)"
            " FROM pg_roles WHERE rolname = session_user OR pg_has_role(session_user, oid, 'MEMBER')"
        ).fetchone()
    superuser, bypasses = row or (True, True)
    if superuser or bypasses:
        found = "a superuser" if superuser else "a role with BYPASSRLS"
        raise UnsafeLogin(
            f"DATABASE_URL: expected a login that row-level security holds for, got one that is or may become {found}."
            " Make one with CREATE ROLE engram LOGIN NOSUPERUSER NOBYPASSRLS CREATEROLE, make it the owner of the"
            " database and connect as it (ENGRAM_ALLOW_SUPERUSER=true turns this check off, for a server of your own)."
        )
