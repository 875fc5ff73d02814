#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "sink/table_option.h"

static void near(const char *key, const char *known)
{
    struct table_option o;
    const char *found = table_option_near(str_of(key));
    if (table_option_find(str_of(key), &o)) {
        fail_msg("%s is known", key);
    }
    if (known == NULL ? found != NULL : found == NULL || strcmp(found, known) != 0) {
        fail_msg("%s is near %s, not %s", key, found == NULL ? "nothing" : found,
                 known == NULL ? "nothing" : known);
    }
}

static void mistyped(void **state)
{
    (void)state;
    near("bukcet", "bucket");
    near("Bucket", "bucket");
    near("file.formt", "file.format");
    near("file_format", "file.format");
    near("changelog.producer", "changelog-producer");
    near("deletion-vector.enabled", "deletion-vectors.enabled");
    near("num-sorted-run.compaction-triger", "num-sorted-run.compaction-trigger");
    near("snapshot.time-retaind", "snapshot.time-retained");
    near("feilds.price.stats-mode", "fields.*.stats-mode");
    near("parqet.page.size", "parquet.*");
    near("metadata.icberg.table", "metadata.iceberg.*");
}

static void strange(void **state)
{
    (void)state;
    char word[300];
    near("team", NULL);
    near("team.owner", NULL);
    near("cost-centre", NULL);
    near("com.example.retention", NULL);
    near("", NULL);
    near(".", NULL);
    near("*", NULL);
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    near(word, NULL);
}

static void stance(const char *key, enum table_option_stance expected)
{
    struct table_option o = {0};
    if (!table_option_find(str_of(key), &o)) {
        fail_msg("%s is not known", key);
    }
    if (o.stance != expected) {
        fail_msg("%s: stance %d of %s, not %d", key, o.stance, o.name, expected);
    }
}

static void families(void **state)
{
    (void)state;
    struct table_option o;
    stance("fields.price.stats-mode", TABLE_OPTION_KEPT);
    stance("fields.a.b.stats-mode", TABLE_OPTION_KEPT);
    stance("fields.price.aggregate-function", TABLE_OPTION_HONOURED);
    stance("fields.default-aggregate-function", TABLE_OPTION_HONOURED);
    stance("file-index.bloom-filter.columns", TABLE_OPTION_IGNORED);
    stance("file-index.read.enabled", TABLE_OPTION_KEPT); /* its own name wins */
    stance("metadata.iceberg.storage", TABLE_OPTION_VALUE);
    stance("metadata.iceberg.table", TABLE_OPTION_KEPT);
    stance("commit.callback.a.B.param", TABLE_OPTION_KEPT);
    stance("parquet.page.size", TABLE_OPTION_IGNORED);
    stance("inlet.table", TABLE_OPTION_OWN);
    assert_false(table_option_find(STR("fields."), &o));
    assert_false(table_option_find(STR("fields"), &o));
}

static void value(const char *key, const char *text, const char *says)
{
    struct error err = {0};
    bool ok = table_option_check(str_of(key), str_of(text), &err);
    if (ok != (says == NULL)) {
        fail_msg("%s = '%s': %s", key, text, ok ? "taken" : err.text);
    }
    if (!ok) {
        assert_int_equal(err.code, FAIL_SCHEMA);
        assert_non_null(strstr(err.text, key));
        assert_non_null(strstr(err.text, says));
    }
}

static void values(void **state)
{
    (void)state;
    value("deletion-vectors.enabled", " TRUE ", "not supported yet");
    value("deletion-vectors.enabled", "false", NULL);
    value("bucket-function.type", "Default", NULL);
    value("bucket-function.type", "mod", "another value than default");
    value("type", "format-table", "another kind");
    value("record-level.expire-time", "", NULL);
    value("record-level.expire-time", "1 d", "by the clock");
    value("fields.a.stats-mode", "none", NULL);
    value("metadata.iceberg.storage", "table-location", "Iceberg");
    value("metadata.iceberg.storage", "disabled", NULL);
    value("snapshot.time-retained", "1 d", NULL);
    value("inlet.table", "x", NULL);
    value("nobody.knows", "true", NULL);
}

/* The list itself: every name once, what a stance needs is there. */
static void list(void **state)
{
    (void)state;
    assert_true(table_option_names_count() > 400);
    for (size_t i = 0; i < table_option_names_count(); i++) {
        struct table_option o = table_option_names_at(i);
        struct table_option found;
        assert_true(table_option_find(str_of(o.name), &found));
        assert_string_equal(found.name, o.name);
        assert_int_equal(found.stance, o.stance);
        assert_int_equal(o.value != NULL, o.stance == TABLE_OPTION_VALUE);
        if (o.stance == TABLE_OPTION_IGNORED || o.stance == TABLE_OPTION_OWN) {
            assert_non_null(o.note);
        }
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(table_option_names_at(k).name, o.name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistyped), cmocka_unit_test(strange), cmocka_unit_test(families),
        cmocka_unit_test(values),   cmocka_unit_test(list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
