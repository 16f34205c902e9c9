#include "wit/c_name.h"

#include "base/buf.h"

#include <stdarg.h>

const char *c_printf(struct arena *arena, const char *format, ...)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    va_list args;
    va_start(args, format);
    enum status status = buf_vprintf(&text, format, args);
    va_end(args);
    bug_unless(status == ST_OK);
    return arena_str(arena, buf_str(&text)).data;
}

static const char *change_case(struct arena *arena, struct str name, char from, char to)
{
    char *text = arena_alloc(arena, name.len + 1);
    for (size_t i = 0; i < name.len; i++) {
        text[i] = name.data[i];
        if (text[i] == '-')
            text[i] = '_';
        else if (text[i] >= from && text[i] < from + 26)
            text[i] = (char)(text[i] - from + to);
    }
    return text;
}

const char *c_snake(struct arena *arena, struct str name)
{
    return change_case(arena, name, 'A', 'a');
}

const char *c_upper(struct arena *arena, struct str name)
{
    return change_case(arena, name, 'a', 'A');
}

const char *c_string(struct arena *arena, struct str text)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    buf_add(&out, STR("\""));
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\')
            buf_addf(&out, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            buf_addf(&out, "\\%03o", c);
        else
            buf_addf(&out, "%c", c);
    }
    buf_add(&out, STR("\""));
    return arena_str(arena, buf_str(&out)).data;
}
