#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "base/instant.h"

static void dates(void **state)
{
    (void)state;
    assert_int_equal(instant_days(1970, 1, 1), 0);
    assert_int_equal(instant_days(1969, 12, 31), -1);
    assert_int_equal(instant_days(2000, 3, 1), 11017);
    assert_int_equal(instant_days(0, 3, 1), -719468);
    assert_int_equal(instant_days(9999, 12, 31), 2932896);
    assert_int_equal(instant_days(1, 1, 1), -719162);
}

/* Every day of 1,600 years around zero and some far away: back and forth, one after the other. */
static void every_day(void **state)
{
    (void)state;
    static const int64_t starts[] = {-1000000, -719468 - 300000, -300000, INT32_MIN,
                                     INT32_MAX - 300000};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        int64_t last_year = 0;
        unsigned last_month = 0;
        unsigned last_day = 0;
        for (int64_t d = starts[i]; d < starts[i] + 300000; d++) {
            int64_t year = 0;
            unsigned month = 0;
            unsigned day = 0;
            instant_civil(d, &year, &month, &day);
            assert_int_equal(instant_days(year, month, day), d);
            if (d > starts[i] &&
                !(year == last_year && month == last_month && day == last_day + 1)) {
                assert_int_equal(day, 1);
                assert_true(last_day >= 28 && last_day <= 31);
                assert_true(month == last_month + 1 ||
                            (month == 1 && last_month == 12 && year == last_year + 1));
                if (last_month == 2) {
                    bool leap =
                        (last_year % 4 == 0 && last_year % 100 != 0) || last_year % 400 == 0;
                    assert_int_equal(last_day, leap ? 29 : 28);
                }
            }
            last_year = year;
            last_month = month;
            last_day = day;
        }
    }
}

static void text(void **state)
{
    (void)state;
    char out[32];
    instant_text(0, out);
    assert_string_equal(out, "1970-01-01T00:00:00.000Z");
    instant_text(-1, out);
    assert_string_equal(out, "1969-12-31T23:59:59.999Z");
    instant_text(1709210096789, out);
    assert_string_equal(out, "2024-02-29T12:34:56.789Z");
}

static void clocks(void **state)
{
    (void)state;
    int64_t wall = instant_wall_ms();
    assert_true(wall > 1700000000000 && wall < 4102444800000);
    assert_true(llabs((long long)(wall - (int64_t)time(NULL) * 1000)) < 2000);
    uint64_t mono = instant_mono_ns();
    uint64_t cpu = instant_cpu_ns();
    for (volatile int i = 0; i < 3000000; i++) {
    }
    assert_true(instant_mono_ns() > mono);
    assert_true(instant_cpu_ns() > cpu);
    assert_int_equal(setenv("TZ", "XXX-5:30", 1), 0); /* POSIX: 5 h 30 min east of Greenwich */
    tzset();
    int64_t ahead = instant_local_wall_ms() - instant_wall_ms();
    assert_true(llabs((long long)(ahead - 19800000)) < 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(dates), cmocka_unit_test(every_day),
                                       cmocka_unit_test(text), cmocka_unit_test(clocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
