#include "base/instant.h"

#include <stdio.h>
#include <time.h>

#include "base/mem.h"

#define DAY_MS 86400000

static uint64_t read_ns(clockid_t id)
{
    struct timespec t;
    must(clock_gettime(id, &t) == 0);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int64_t instant_wall_ms(void)
{
    return (int64_t)(read_ns(CLOCK_REALTIME) / 1000000);
}

int64_t instant_local_wall_ms(void)
{
    int64_t now = instant_wall_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm t;
    if (localtime_r(&seconds, &t) == NULL) {
        return now;
    }
    int64_t days = instant_days(t.tm_year + 1900, (unsigned)t.tm_mon + 1, (unsigned)t.tm_mday);
    return days * DAY_MS + (t.tm_hour * 60 + t.tm_min) * (int64_t)60000 + t.tm_sec * (int64_t)1000 +
           now % 1000;
}

uint64_t instant_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t instant_mono_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000;
}

uint64_t instant_cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* Years are counted from March in eras of 400 years = 146,097 days, so that the leap day comes
 * last; 719,468 days lie between 0000-03-01 and 1970-01-01. */
int64_t instant_days(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t month_from_march = month > 2 ? (int64_t)month - 3 : (int64_t)month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void instant_civil(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

void instant_text(int64_t wall_ms, char out[32])
{
    int64_t days = wall_ms / DAY_MS - (wall_ms % DAY_MS < 0);
    unsigned ms = (unsigned)(wall_ms - days * DAY_MS);
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    instant_civil(days, &year, &month, &day);
    (void)snprintf(out, 32, "%04lld-%02u-%02uT%02u:%02u:%02u.%03uZ", (long long)year, month, day,
                   ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}
