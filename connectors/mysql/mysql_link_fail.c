/* What an error of the server or the client library asks of us; declared in mysql_link.h. */
#include <string.h>

#include "connectors/mysql/mysql_link.h"

/* Server error numbers: mysqld_error.h; 2000–2999 are the client library's (errmsg.h). */
enum fail mysql_link_fail_of(unsigned server_errno)
{
    switch (server_errno) {
    case 1044: /* database access denied */
    case 1045: /* login refused */
    case 1130: /* host not allowed */
    case 1142: /* command denied on table */
    case 1143: /* on column */
    case 1227: /* needs a right */
    case 1370: /* routine access denied */
    case 1698: /* login refused without password */
    case 1820: /* password must be changed */
    case 1862: /* password expired */
    case 3118: /* account locked */
    case 4151: /* account locked, MariaDB */
        return FAIL_DENIED;
    case 1251: /* authentication protocol */
    case 1275:
    case 2059: /* authentication plugin cannot be loaded */
    case 2061:
    case 3159: /* secure transport required */
        return FAIL_CONFIG;
    case 1049: /* unknown database */
    case 1051:
    case 1054: /* unknown column */
    case 1146: /* no such table */
    case 1356: /* invalid view */
    case 1412: /* table definition has changed inside this snapshot */
        return FAIL_SCHEMA;
    case 1373: /* unknown target log */
        return FAIL_LOST;
    default:
        return FAIL_IO;
    }
}

const char *mysql_link_fail_advice(unsigned number)
{
    switch (number) {
    case 1045:
    case 1698:
        return "; check username and password in the source block, and that the account may come "
               "from this host";
    case 2059:
    case 2061:
    case 1251:
        return "; the account's authentication plugin is not available in the client library: "
               "install it or alter the account (caching_sha2_password, mysql_native_password)";
    case 2002:
    case 2003:
        return "; is the server running, and may this host reach it?";
    case 2005:
        return "; check hostname in the source block";
    case 1040:
    case 1203:
        return "; raise max_connections on the server or lower pipeline.parallelism";
    case 3159:
        return "; set ssl-mode: REQUIRED or stricter";
    default:
        return "";
    }
}

/* TLS failures carry one number for everything: a certificate that is not trusted does not heal. */
enum fail mysql_link_fail_tls(const char *text)
{
    static const char *const fatal[] = {
        "certif", "verif", "self-signed", "self signed", "match", "does not support", NULL};
    for (size_t i = 0; fatal[i] != NULL; i++) {
        if (strstr(text, fatal[i]) != NULL) {
            return FAIL_CONFIG;
        }
    }
    return FAIL_IO;
}
