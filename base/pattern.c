#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/pattern.h"

#include <pcre2.h>

#include "base/mem.h"

struct pattern {
    pcre2_code *code;
};

bool pattern_new(struct str regex, struct pattern **out, struct error *err)
{
    int number = 0;
    PCRE2_SIZE offset = 0;
    PCRE2_SPTR text = (PCRE2_SPTR)(regex.ptr == NULL ? "" : regex.ptr);
    pcre2_code *code = pcre2_compile(text, regex.len,
                                     PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY |
                                         PCRE2_UTF | PCRE2_MATCH_INVALID_UTF,
                                     &number, &offset, NULL);
    if (code == NULL) {
        PCRE2_UCHAR why[128];
        (void)pcre2_get_error_message(number, why, sizeof(why));
        return error_set(err, FAIL_CONFIG, "regular expression \"%.*s\", character %zu: %s",
                         STR_FMT(regex), offset + 1, (const char *)why);
    }
    struct pattern *p = MEM_NEW(struct pattern);
    p->code = code;
    *out = p;
    return true;
}

void pattern_free(struct pattern *p)
{
    if (p != NULL) {
        pcre2_code_free(p->code);
        mem_free(p);
    }
}

bool pattern_matches(const struct pattern *p, struct str text)
{
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(p->code, NULL);
    must(data != NULL);
    int rc = pcre2_match(p->code, (PCRE2_SPTR)(text.ptr == NULL ? "" : text.ptr), text.len, 0, 0,
                         data, NULL);
    pcre2_match_data_free(data);
    return rc >= 0;
}
