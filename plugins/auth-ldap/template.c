/*
 * template.c: users' names in filters and names of entries (RFC 4515, 3; RFC 4514, 2.4). Any
 * thread.
 *
 * Both grammars take a backslash and two hexadecimal digits for any byte, so everything that is not
 * plainly harmless is written so, and one escape serves both.
 */
#include "auth_ldap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_harmless(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("._-@", c));
}

static char *put_escaped(char *out, const char *value, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)value[i];
        if (is_harmless(c))
            *out++ = (char)c;
        else
            out += sprintf(out, "\\%02x", c);
    }
    return out;
}

char *template_expand(const char *template, struct sp_str user, const char *dn)
{
    size_t longest = user.len > strlen(dn) ? (size_t)user.len : strlen(dn);
    if (longest > (1u << 16))
        return NULL;
    char *text = malloc(strlen(template) * (3 * longest + 1) + 1);
    char *out = text;
    for (const char *p = template; text && *p; p++) {
        if (*p == '%' && p[1] == 'u') {
            out = put_escaped(out, user.data, (size_t)user.len);
            p++;
        } else if (*p == '%' && p[1] == 'd') {
            out = put_escaped(out, dn, strlen(dn));
            p++;
        } else {
            *out++ = *p;
            p += *p == '%';
        }
    }
    if (text)
        *out = '\0';
    return text;
}

bool template_is_sound(const char *template, const char *letters)
{
    for (const char *p = strchr(template, '%'); p; p = strchr(p + 2, '%'))
        if (p[1] == '\0' || (p[1] != '%' && !strchr(letters, p[1])))
            return false;
    return true;
}
