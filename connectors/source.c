#include "connectors/source.h"

#include "connectors/mysql/mysql_source.h"

const struct source_ops *const source_list[] = {
    &mysql_source_ops,
    NULL,
};

const struct source_ops *source_find(struct str type)
{
    for (size_t i = 0; source_list[i] != NULL; i++) {
        if (str_eq(type, str_of(source_list[i]->name))) {
            return source_list[i];
        }
    }
    return NULL;
}
