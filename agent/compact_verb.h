/* agent/compact_verb.h: the command line of `inlet compact` (compact_run.h). */
#pragma once

#include "agent/cli.h"

extern const struct cli_flag compact_verb_flags[];
enum exit_code compact_verb(const struct cli_args *args);
