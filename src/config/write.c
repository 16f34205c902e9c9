/* Writes trees as YAML, JSON and TOML; see write.h. */
#include "config/write.h"
#include "base/mem.h"
#include "config/read.h"
#include <yaml.h>

/* --- YAML --------------------------------------------------------------------------------------------------------------------- */

struct yaml_writer {
    yaml_emitter_t emitter;
    struct buf *out;
    bool full;
};

static int take_yaml(void *env, unsigned char *data, size_t size)
{
    struct yaml_writer *writer = env;
    writer->full = writer->full || buf_append(writer->out, data, size) != ST_OK;
    return !writer->full;
}

/* Initialised events are the emitter's, whether it accepts them or not. */
static bool emit(struct yaml_writer *writer, yaml_event_t *event, int initialised)
{
    return initialised && yaml_emitter_emit(&writer->emitter, event);
}

/* Text that would be read as something else, or that the plain style cannot hold, goes between quotes. */
static bool needs_quotes(struct str text)
{
    json_t *tree = NULL;
    autobuf struct buf line = BUF_INIT(BUF_UNLIMITED);
    bool odd = text.len == 0 || text.data[0] == ' ' || text.data[text.len - 1] == ' ';
    for (size_t i = 0; i < text.len && !odd; i++)
        odd = (unsigned char)text.data[i] < 0x20;
    if (odd)
        return true;
    buf_addf(&line, "k: %.*s\n", STR_ARG(text));
    if (config_parse_yaml("", buf_str(&line), &tree, NULL) != ST_OK)
        return true;
    const char *read = json_string_value(json_object_get(tree, "k"));
    bool same = read && str_eq(str_of(read), text) && json_object_size(tree) == 1;
    json_decref(tree);
    return !same;
}

static bool write_yaml_scalar(struct yaml_writer *writer, struct str text, bool quoted)
{
    yaml_event_t event;
    autofree char *copy = mem_strndup(text.data, text.len);
    return emit(writer, &event,
                yaml_scalar_event_initialize(&event, NULL, NULL, (yaml_char_t *)copy, (int)text.len, 1, 1,
                                             quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE));
}

static bool write_yaml_text(struct yaml_writer *writer, struct str text)
{
    return write_yaml_scalar(writer, text, needs_quotes(text));
}

static bool write_yaml(struct yaml_writer *writer, json_t *node);

static bool write_yaml_object(struct yaml_writer *writer, json_t *object)
{
    yaml_event_t event;
    const char *name;
    json_t *value;
    bool ok = emit(writer, &event,
                   yaml_mapping_start_event_initialize(
                       &event, NULL, NULL, 1, json_object_size(object) ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE));
    json_object_foreach(object, name, value) ok = ok && write_yaml_text(writer, str_of(name)) && write_yaml(writer, value);
    return ok && emit(writer, &event, yaml_mapping_end_event_initialize(&event));
}

static bool write_yaml_array(struct yaml_writer *writer, json_t *array)
{
    yaml_event_t event;
    size_t i;
    json_t *value;
    bool ok = emit(writer, &event,
                   yaml_sequence_start_event_initialize(
                       &event, NULL, NULL, 1, json_array_size(array) ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE));
    json_array_foreach(array, i, value) ok = ok && write_yaml(writer, value);
    return ok && emit(writer, &event, yaml_sequence_end_event_initialize(&event));
}

static bool write_yaml(struct yaml_writer *writer, json_t *node)
{
    if (json_is_object(node))
        return write_yaml_object(writer, node);
    if (json_is_array(node))
        return write_yaml_array(writer, node);
    if (json_is_string(node))
        return write_yaml_text(writer, str_n(json_string_value(node), json_string_length(node)));
    autofree char *text = json_dumps(node, JSON_ENCODE_ANY);
    return text && write_yaml_scalar(writer, str_of(text), false);
}

static bool write_yaml_document(struct yaml_writer *writer, json_t *tree)
{
    yaml_event_t event;
    return emit(writer, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) &&
           emit(writer, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)) && write_yaml(writer, tree) &&
           emit(writer, &event, yaml_document_end_event_initialize(&event, 1)) &&
           emit(writer, &event, yaml_stream_end_event_initialize(&event));
}

static enum status write_as_yaml(json_t *tree, struct buf *out, struct error *err)
{
    struct yaml_writer writer = {.out = out};
    if (!yaml_emitter_initialize(&writer.emitter))
        return fail(err, ST_LIMIT, "out of memory");
    yaml_emitter_set_output(&writer.emitter, take_yaml, &writer);
    yaml_emitter_set_unicode(&writer.emitter, 1);
    yaml_emitter_set_width(&writer.emitter, -1);
    bool ok = write_yaml_document(&writer, tree);
    enum status status = ok ? ST_OK : fail(err, writer.full ? ST_LIMIT : ST_INVALID, "cannot be written as YAML");
    yaml_emitter_delete(&writer.emitter);
    return status;
}

/* --- TOML --------------------------------------------------------------------------------------------------------------------- */

static enum status write_toml_text(struct str text, struct buf *out)
{
    TRY(buf_append_char(out, '"'));
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\')
            TRY(buf_printf(out, "\\%c", c));
        else if (c < 0x20 || c == 0x7f)
            TRY(buf_printf(out, "\\u%04x", c));
        else
            TRY(buf_append_char(out, (char)c));
    }
    return buf_append_char(out, '"');
}

static enum status write_toml_key(const char *name, struct buf *out)
{
    static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (*name && strspn(name, bare) == strlen(name))
        return buf_append_str(out, str_of(name));
    return write_toml_text(str_of(name), out);
}

static enum status write_toml_value(json_t *node, struct buf *out);

static enum status write_toml_array(json_t *array, struct buf *out)
{
    size_t i, written = 0;
    json_t *value;
    TRY(buf_append_char(out, '['));
    json_array_foreach(array, i, value)
    {
        if (json_is_null(value))
            continue;
        TRY(buf_append_str(out, written++ ? STR(", ") : STR("")));
        TRY(write_toml_value(value, out));
    }
    return buf_append_char(out, ']');
}

static enum status write_toml_inline(json_t *object, struct buf *out)
{
    const char *name;
    json_t *value;
    size_t written = 0;
    TRY(buf_append_char(out, '{'));
    json_object_foreach(object, name, value)
    {
        if (json_is_null(value))
            continue;
        TRY(buf_append_str(out, written++ ? STR(", ") : STR("")));
        TRY(write_toml_key(name, out));
        TRY(buf_append_str(out, STR(" = ")));
        TRY(write_toml_value(value, out));
    }
    return buf_append_char(out, '}');
}

/* With a fraction, or it would come back as an integer. */
static enum status write_toml_real(double value, struct buf *out)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", value);
    return buf_printf(out, "%s%s", text, text[strcspn(text, ".e")] ? "" : ".0");
}

static enum status write_toml_value(json_t *node, struct buf *out)
{
    if (json_is_object(node))
        return write_toml_inline(node, out);
    if (json_is_array(node))
        return write_toml_array(node, out);
    if (json_is_string(node))
        return write_toml_text(str_n(json_string_value(node), json_string_length(node)), out);
    if (json_is_real(node))
        return write_toml_real(json_real_value(node), out);
    if (json_is_integer(node))
        return buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(node));
    return buf_append_str(out, json_is_true(node) ? STR("true") : STR("false"));
}

/* A list of objects only, which has headers of its own. */
static bool is_table_array(json_t *node)
{
    size_t i;
    json_t *value;
    json_array_foreach(node, i, value) if (!json_is_object(value)) return false;
    return json_is_array(node) && json_array_size(node) > 0;
}

static enum status write_toml_table(json_t *table, struct str path, struct buf *out);

static enum status write_toml_section(json_t *table, struct str path, const char *brackets, struct buf *out)
{
    TRY(buf_printf(out, "%s%.*s%.*s%s\n", out->len ? "\n" : "", (int)strlen(brackets) / 2, brackets, STR_ARG(path),
                   brackets + strlen(brackets) / 2));
    return write_toml_table(table, path, out);
}

static bool has_only_sections(json_t *table)
{
    const char *name;
    json_t *value;
    json_object_foreach(table, name, value) if (!json_is_object(value) && !is_table_array(value)) return false;
    return json_object_size(table) > 0;
}

static enum status write_toml_sections(json_t *table, struct str path, struct buf *out)
{
    const char *name;
    json_t *value, *item;
    size_t i;
    json_object_foreach(table, name, value)
    {
        autobuf struct buf below = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&below, "%.*s%s", STR_ARG(path), path.len ? "." : "");
        TRY(write_toml_key(name, &below));
        if (json_is_object(value) && has_only_sections(value))
            TRY(write_toml_sections(value, buf_str(&below), out)); /* their headers make it */
        else if (json_is_object(value))
            TRY(write_toml_section(value, buf_str(&below), "[]", out));
        else if (is_table_array(value))
            json_array_foreach(value, i, item) TRY(write_toml_section(item, buf_str(&below), "[[]]", out));
    }
    return ST_OK;
}

/* Plain values come first: after a header they would be the header's. */
static enum status write_toml_table(json_t *table, struct str path, struct buf *out)
{
    const char *name;
    json_t *value;
    json_object_foreach(table, name, value)
    {
        if (json_is_null(value) || json_is_object(value) || is_table_array(value))
            continue;
        TRY(write_toml_key(name, out));
        TRY(buf_append_str(out, STR(" = ")));
        TRY(write_toml_value(value, out));
        TRY(buf_append_char(out, '\n'));
    }
    return write_toml_sections(table, path, out);
}

enum status config_write(json_t *tree, enum config_format_name format, struct buf *out, struct error *err)
{
    if (format == CONFIG_YAML)
        return write_as_yaml(tree, out, err);
    if (format == CONFIG_TOML)
        return write_toml_table(tree, STR(""), out) == ST_OK ? ST_OK : fail(err, ST_LIMIT, "too large to write as TOML");
    autofree char *text = json_dumps(tree, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    if (!text)
        return fail(err, ST_INVALID, "cannot be written as JSON");
    if (buf_printf(out, "%s\n", text) != ST_OK)
        return fail(err, ST_LIMIT, "too large to write as JSON");
    return ST_OK;
}
