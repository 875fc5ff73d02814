/* base/failpoint.h: named places where a test makes the process die, pause or fail.
 *
 * Compiled in only with -DINLET_FAILPOINTS (preset debug).
 * INLET_FAILPOINT="name[:n]=kill|stop|error|enospc|sleep<ms>" (several, comma-separated) acts at
 * the n-th passage (default 1; *: at every one): kill is SIGKILL to ourselves, stop is SIGSTOP,
 * error and enospc make FAILPOINT return false with EIO or ENOSPC in errno. The list of names:
 * tests/e2e/failpoints.txt. */
#pragma once

#include <stdbool.h>

#ifdef INLET_FAILPOINTS
bool failpoint_pass(const char *name);
#define FAILPOINT(name) failpoint_pass(name)
#else
#define FAILPOINT(name) true
#endif
