-- Grain: one thing of the live schema as (kind, name, definition); a table has one grant line per role.
-- Parameter schemas: the names of the schemas. Partitions are left out: they are made by the calendar.
WITH t AS (
    SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relkind::text AS kind, c.relowner, c.relacl,
        c.relrowsecurity, c.relforcerowsecurity
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
),
granted AS (
    SELECT 'schema ' || n.nspname AS name, a.grantee, a.privilege_type
    FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
    WHERE n.nspname = ANY(%(schemas)s) AND a.grantee <> n.nspowner
    UNION ALL
    SELECT t.name, a.grantee, a.privilege_type FROM t, aclexplode(t.relacl) AS a WHERE a.grantee <> t.relowner
    UNION ALL
    SELECT t.name || '.' || c.attname, a.grantee, a.privilege_type
    FROM t JOIN pg_attribute AS c ON c.attrelid = t.oid, aclexplode(c.attacl) AS a WHERE a.grantee <> t.relowner
)
SELECT 'role' AS kind, rolname::text AS name,
    concat_ws(' ', 'role', CASE WHEN rolcanlogin THEN 'login' END, CASE WHEN rolsuper THEN 'superuser' END,
        CASE WHEN rolbypassrls THEN 'bypassrls' END, CASE WHEN rolcreaterole THEN 'createrole' END,
        CASE WHEN rolcreatedb THEN 'createdb' END) AS definition
FROM pg_roles WHERE rolname IN ('engram_app', 'engram_batch', 'engram_analyst', 'engram_ops')
UNION ALL
SELECT 'table', t.name,
    concat_ws(' ', CASE t.kind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned by ' || pg_get_partkeydef(t.oid)
            ELSE 'kind ' || t.kind END,
        CASE WHEN t.relrowsecurity THEN 'row security' END, CASE WHEN t.relforcerowsecurity THEN 'forced' END)
FROM t
UNION ALL
SELECT 'column', t.name || '.' || c.attname,
    concat_ws(' ', format_type(c.atttypid, c.atttypmod), CASE WHEN c.attnotnull THEN 'not null' END,
        CASE WHEN c.attidentity <> '' THEN 'identity ' || c.attidentity::text END,
        CASE WHEN c.attgenerated <> '' THEN 'generated' END,
        CASE WHEN d.adbin IS NOT NULL THEN 'default ' || pg_get_expr(d.adbin, d.adrelid) END)
FROM t JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = t.oid AND d.adnum = c.attnum
UNION ALL
-- From 18 on NOT NULL is a constraint of its own; here it is said with the column.
SELECT 'constraint', t.name || '.' || k.conname,
    pg_get_constraintdef(k.oid) || CASE WHEN k.convalidated THEN '' ELSE ' not validated' END
FROM t JOIN pg_constraint AS k ON k.conrelid = t.oid WHERE k.contype <> 'n'
UNION ALL
SELECT 'index', t.name || '.' || i.relname,
    pg_get_indexdef(x.indexrelid) || CASE WHEN x.indisvalid THEN '' ELSE ' not valid' END
FROM t JOIN pg_index AS x ON x.indrelid = t.oid JOIN pg_class AS i ON i.oid = x.indexrelid
UNION ALL
SELECT 'policy', t.name || '.' || p.polname,
    concat_ws(' ', CASE WHEN NOT p.polpermissive THEN 'restrictive' END,
        CASE p.polcmd WHEN '*' THEN 'all' WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
            ELSE 'delete' END,
        'to ' || array_to_string(ARRAY(SELECT CASE r WHEN 0 THEN 'public' ELSE r::regrole::text END
            FROM unnest(p.polroles) AS r ORDER BY 1), ', '),
        'using ' || pg_get_expr(p.polqual, p.polrelid), 'check ' || pg_get_expr(p.polwithcheck, p.polrelid))
FROM t JOIN pg_policy AS p ON p.polrelid = t.oid
UNION ALL
SELECT 'grant', name,
    CASE grantee WHEN 0 THEN 'public' ELSE grantee::regrole::text END || ' '
        || string_agg(privilege_type, ', ' ORDER BY privilege_type)
FROM granted GROUP BY name, grantee
UNION ALL
SELECT 'trigger', t.name || '.' || g.tgname,
    pg_get_triggerdef(g.oid) || CASE g.tgenabled WHEN 'O' THEN '' ELSE ' not enabled' END
FROM t JOIN pg_trigger AS g ON g.tgrelid = t.oid WHERE NOT g.tgisinternal
UNION ALL
SELECT 'function', n.nspname || '.' || p.proname,
    concat_ws(' ', CASE WHEN p.prosecdef THEN 'security definer' END, array_to_string(p.proconfig, ' '),
        coalesce(pg_get_function_sqlbody(p.oid), p.prosrc))
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ANY(%(schemas)s)
