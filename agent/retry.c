#include "agent/retry.h"

#include "base/instant.h"

#define RETRY_FIRST_MS 200u
#define RETRY_MAX_MS 30000u
#define RETRY_HEALTHY_MS 60000u
#define RETRY_DAMAGED 2u

struct meaning {
    bool again;
    bool at_once;
    enum exit_code exit;
    const char *advice;
};

static const struct meaning meanings[] = {
    [FAIL_NONE] = {false, false, CODE_DONE, ""},
    [FAIL_IO] = {true, false, CODE_RETRY, "start it again when that is mended"},
    [FAIL_CONFLICT] = {true, true, CODE_RETRY, ""},
    [FAIL_UNKNOWN] = {true, true, CODE_RETRY, ""},
    [FAIL_CORRUPT] = {false, false, CODE_HUMAN,
                      "the bytes are damaged: nothing was written after them"},
    [FAIL_SCHEMA] = {false, false, CODE_HUMAN, ""},
    [FAIL_DIVERGED] = {false, false, CODE_HUMAN, ""},
    [FAIL_LIMIT] = {false, false, CODE_HUMAN, ""},
    [FAIL_CONFIG] = {false, false, CODE_USAGE, ""},
    [FAIL_DENIED] = {false, false, CODE_HUMAN, "grant the right, then start again"},
    [FAIL_LOST] = {false, false, CODE_HUMAN, ""},
    [FAIL_OWNED] = {false, false, CODE_OWNED, ""},
    [FAIL_STOPPED] = {false, false, CODE_DONE, ""},
};

void retry_begin(struct retry *r)
{
    r->started_ms = instant_mono_ms();
}

bool retry_wanted(struct retry *r, const struct error *err)
{
    const struct meaning *m = &meanings[err->code];
    bool healthy = instant_mono_ms() - r->started_ms > RETRY_HEALTHY_MS;
    r->damaged = err->code == FAIL_CORRUPT && !healthy ? r->damaged + 1 : 0;
    if (!m->again && (err->code != FAIL_CORRUPT || r->damaged > RETRY_DAMAGED)) {
        return false;
    }
    if (m->at_once || healthy) {
        r->wait_ms = RETRY_FIRST_MS;
    } else {
        r->wait_ms = r->wait_ms == 0 ? RETRY_FIRST_MS : r->wait_ms * 2;
    }
    if (r->wait_ms > RETRY_MAX_MS) {
        r->wait_ms = RETRY_MAX_MS;
    }
    return true;
}

enum exit_code retry_exit(enum fail code)
{
    return meanings[code].exit;
}

const char *retry_advice(enum fail code)
{
    return meanings[code].advice;
}
