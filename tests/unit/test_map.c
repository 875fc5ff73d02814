#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

static struct str key_of(char text[24], unsigned n)
{
    int len = snprintf(text, 24, "key %u", n);
    return (struct str){text, (size_t)len};
}

static void basics(void **state)
{
    (void)state;
    struct map m = {0};
    int a = 1;
    int b = 2;
    assert_null(map_get(&m, STR("x")));
    assert_null(map_remove(&m, STR("x")));
    char key[] = "x";
    assert_null(map_put(&m, str_of(key), &a));
    key[0] = 'y'; /* keys are copied */
    assert_ptr_equal(map_get(&m, STR("x")), &a);
    assert_null(map_get(&m, STR("y")));
    assert_ptr_equal(map_put(&m, STR("x"), &b), &a);
    assert_int_equal(m.count, 1);
    assert_null(map_put(&m, STR(""), &a));
    assert_ptr_equal(map_get(&m, (struct str){NULL, 0}), &a);
    assert_null(map_put(&m, STR("x\0"), &a)); /* bytes, not C strings */
    assert_int_equal(m.count, 3);
    assert_ptr_equal(map_remove(&m, STR("x")), &b);
    assert_null(map_remove(&m, STR("x")));
    assert_int_equal(m.count, 2);
    map_release(&m);
    map_release(&m);
    assert_null(map_get(&m, STR("")));
}

/* Random puts and removes against an array; the many removes must not fill the table with dead
 * slots. */
static void against_array(void **state)
{
    (void)state;
    enum { KEYS = 500 };
    static int values[KEYS];
    void *model[KEYS] = {0};
    struct map m = {0};
    uint64_t seed = 3;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned n = (unsigned)(seed >> 33) % KEYS;
        char text[24];
        struct str key = key_of(text, n);
        if (seed >> 63 == 0) {
            assert_ptr_equal(map_put(&m, key, &values[n]), model[n]);
            model[n] = &values[n];
        } else {
            assert_ptr_equal(map_remove(&m, key), model[n]);
            model[n] = NULL;
        }
    }
    size_t live = 0;
    for (unsigned n = 0; n < KEYS; n++) {
        char text[24];
        assert_ptr_equal(map_get(&m, key_of(text, n)), model[n]);
        live += model[n] == NULL ? 0 : 1;
    }
    assert_int_equal(m.count, live);
    assert_true(m.cap <= 4096);
    size_t walked = 0;
    struct str key;
    void *value = NULL;
    for (size_t at = 0; map_next(&m, &at, &key, &value);) {
        assert_ptr_equal(map_get(&m, key), value);
        walked++;
    }
    assert_int_equal(walked, live);
    map_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(basics), cmocka_unit_test(against_array)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
