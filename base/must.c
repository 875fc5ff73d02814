#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void must_failed(const char *cond, const char *file, int line)
{
    (void)fprintf(stderr, "inlet: broken promise at %s:%d: %s\n", file, line, cond);
    abort();
}
