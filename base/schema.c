#include "base/schema.h"

#include "base/mem.h"

struct schema *schema_new(void)
{
    return MEM_NEW(struct schema);
}

void schema_free(struct schema *s)
{
    if (s != NULL) {
        arena_release(&s->arena);
        mem_free(s);
    }
}

size_t schema_find(const struct schema *s, struct str name)
{
    for (size_t i = 0; i < s->field_count; i++) {
        if (str_eq(s->fields[i].name, name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

struct str schema_option(const struct schema *s, struct str key)
{
    for (size_t i = 0; i < s->option_count; i++) {
        if (str_eq(s->options[i].key, key)) {
            return s->options[i].value;
        }
    }
    return (struct str){NULL, 0};
}

void schema_set_option(struct schema *s, struct str key, struct str value)
{
    struct str copy = arena_str(&s->arena, value.ptr == NULL ? STR("") : value);
    for (size_t i = 0; i < s->option_count; i++) {
        if (str_eq(s->options[i].key, key)) {
            s->options[i].value = copy;
            return;
        }
    }
    /* Options are few; the arena keeps the older arrays until the schema goes. */
    struct schema_option *grown = ARENA_ARRAY(&s->arena, struct schema_option, s->option_count + 1);
    for (size_t i = 0; i < s->option_count; i++) {
        grown[i] = s->options[i];
    }
    grown[s->option_count] = (struct schema_option){arena_str(&s->arena, key), copy};
    s->options = grown;
    s->option_count++;
}
