/* base/instant.h: time. Wall time for files and logs, monotonic time for waits and rates; civil
 * dates. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t instant_wall_ms(void); /* since 1970-01-01 UTC */
int64_t instant_local_wall_ms(
    void); /* the local wall clock read as if it were UTC (Paimon's _CREATION_TIME) */
uint64_t instant_mono_ns(void);
uint64_t instant_mono_ms(void);
uint64_t instant_cpu_ns(void); /* user + system time of this process */

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back. Any int32 day is
 * valid. */
int64_t instant_days(int64_t year, unsigned month, unsigned day);
void instant_civil(int64_t days, int64_t *year, unsigned *month, unsigned *day);
/* "2026-11-24T23:20:41.123Z"; out holds at least 32 bytes. */
void instant_text(int64_t wall_ms, char out[32]);
