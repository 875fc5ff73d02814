/* base/attr.h: compiler attributes and the one compiler type we use, under names of our own. */
#pragma once

#define MUST_USE __attribute__((warn_unused_result))
#define NO_RETURN __attribute__((noreturn))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Aligned to 8, not 16: they lie in arenas, which align to 8. */
__extension__ typedef __int128 int128 __attribute__((aligned(8)));
__extension__ typedef unsigned __int128 uint128 __attribute__((aligned(8)));
