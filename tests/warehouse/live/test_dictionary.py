"""Every table and column says what it means, in the database too."""

from warehouse.live import Live
from warehouse.live.dictionary import describe, dictionary, markdown, words
from warehouse.live.models import METADATA


def test_every_table_and_column_has_words_and_no_word_is_left_over() -> None:
    said = words()
    for name, table in METADATA.tables.items():
        assert name in said
        assert [column.name for column in table.columns if f"{name}.{column.name}" not in said] == []
    assert dictionary()["description"].null_count() == 0
    assert "## app.messages" in markdown()


def test_migrating_writes_them_as_comments_and_writing_again_changes_nothing(migrated: Live) -> None:
    with migrated.connect(owner=True) as connection:
        bare = connection.execute(
            "SELECT count(*) FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped"
            " AND c.relnamespace::regnamespace::text = ANY(%s) AND col_description(c.oid, a.attnum) IS NULL",
            (sorted({str(table.schema) for table in METADATA.tables.values()}),),
        ).fetchone()
    assert bare == (0,)
    assert describe(migrated) == 0
    with migrated.connect(owner=True) as connection:
        connection.execute("COMMENT ON COLUMN auth.users.bio IS 'something else'")
    assert describe(migrated) == 1
