/* Reads configuration files; see read.h. */
#include "config/read.h"
#include "base/file.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

/* --- YAML to jansson ---------------------------------------------------------------------------------------------------------- */

struct yaml_reader {
    yaml_parser_t parser;
    const char *origin;
    struct str text;
    unsigned depth, nodes;
    size_t repeated_bytes; /* of text, by aliases */
    json_t *anchors;       /* name -> what it stands for, once that is complete */
    struct error *err;
};

static enum status yaml_fail(struct yaml_reader *reader, yaml_mark_t mark, const char *what)
{
    return fail(reader->err, ST_INVALID, "%s: line %zu, column %zu: %s", reader->origin, mark.line + 1, mark.column + 1, what);
}

/* libyaml gives no line to bytes that are not text. */
static yaml_mark_t mark_of_offset(struct str text, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < MIN(offset, text.len); i++) {
        mark.column = text.data[i] == '\n' ? 0 : mark.column + 1;
        mark.line += text.data[i] == '\n';
    }
    return mark;
}

static bool is_tab(struct str text, yaml_mark_t mark)
{
    struct str line = STR_NULL;
    for (size_t i = 0; i <= mark.line; i++)
        if (!str_next_part(&text, '\n', &line))
            return false;
    return mark.column < line.len && line.data[mark.column] == '\t';
}

/* What libyaml says, and what it was about when it found that: a quote that is not closed is far from the end of the file. */
static enum status syntax_fail(struct yaml_reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "not valid YAML";
    if (parser->error == YAML_READER_ERROR)
        return yaml_fail(reader, mark_of_offset(reader->text, parser->problem_offset), problem);
    if (is_tab(reader->text, parser->problem_mark))
        return yaml_fail(reader, parser->problem_mark, "a tab where only spaces may be");
    if (!parser->context || parser->context_mark.line == parser->problem_mark.line)
        return yaml_fail(reader, parser->problem_mark, problem);
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&text, "%s %s that begins at line %zu, column %zu", problem, parser->context, parser->context_mark.line + 1,
             parser->context_mark.column + 1);
    return yaml_fail(reader, parser->problem_mark, text.data);
}

static enum status next_event(struct yaml_reader *reader, yaml_event_t *ret_event)
{
    return yaml_parser_parse(&reader->parser, ret_event) ? ST_OK : syntax_fail(reader);
}

static bool looks_like_integer(struct str text)
{
    struct str digits = text.len && text.data[0] == '-' ? str_from(text, 1) : text;
    uint64_t value;
    return str_parse_u64(digits, INT64_MAX, &value) && (digits.len == 1 || digits.data[0] != '0');
}

/* Of YAML 1.2's core schema what configuration needs: null, booleans, decimal integers. Everything else is text, numbers with a
 * point too: `version: 1.10` is not 1.1. */
static json_t *scalar_value(const yaml_event_t *event)
{
    struct str text = str_n((const char *)event->data.scalar.value, event->data.scalar.length);
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return json_stringn(text.data, text.len);
    if (text.len == 0 || str_is(text, "null") || str_is(text, "~") || str_is(text, "Null") || str_is(text, "NULL"))
        return json_null();
    if (str_is(text, "true") || str_is(text, "True") || str_is(text, "TRUE"))
        return json_true();
    if (str_is(text, "false") || str_is(text, "False") || str_is(text, "FALSE"))
        return json_false();
    if (looks_like_integer(text))
        return json_integer(strtoll(text.data, NULL, 10));
    return json_stringn(text.data, text.len);
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

static enum status enter_node(struct yaml_reader *reader, yaml_mark_t mark)
{
    reader->depth++;
    if (++reader->nodes <= CONFIG_MAX_NODES && reader->depth <= CONFIG_MAX_DEPTH)
        return ST_OK;
    return yaml_fail(reader, mark, "the file has too many or too deeply nested values");
}

static enum status count_again(struct yaml_reader *reader, yaml_mark_t mark, json_t *node);

static enum status count_members(struct yaml_reader *reader, yaml_mark_t mark, json_t *node)
{
    size_t i;
    const char *key;
    json_t *item;
    json_array_foreach(node, i, item) TRY(count_again(reader, mark, item));
    json_object_foreach(node, key, item)
    {
        reader->repeated_bytes += strlen(key);
        TRY(count_again(reader, mark, item));
    }
    return ST_OK;
}

/* As if the file had it once more where the alias is. */
static enum status count_again(struct yaml_reader *reader, yaml_mark_t mark, json_t *node)
{
    enum status status = enter_node(reader, mark);
    reader->repeated_bytes += json_string_length(node);
    if (status == ST_OK && reader->repeated_bytes > CONFIG_MAX_BYTES)
        status = yaml_fail(reader, mark, "aliases (*name) repeat too much text");
    if (status == ST_OK)
        status = count_members(reader, mark, node);
    reader->depth--;
    return status;
}

static enum status read_alias(struct yaml_reader *reader, const yaml_event_t *event, json_t **ret_node)
{
    json_t *node = json_object_get(reader->anchors, (const char *)event->data.alias.anchor);
    if (!node)
        return yaml_fail(reader, event->start_mark, "this alias names no value that is complete before it");
    TRY(count_again(reader, event->start_mark, node));
    *ret_node = json_deep_copy(node);
    return ST_OK;
}

static enum status read_node(struct yaml_reader *reader, yaml_event_t *event, json_t **ret_node);

static enum status read_sequence(struct yaml_reader *reader, json_t *array)
{
    for (;;) {
        yaml_event_t event;
        TRY(next_event(reader, &event));
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return ST_OK;
        }
        json_t *item;
        TRY(read_node(reader, &event, &item));
        json_array_append_new(array, item);
    }
}

static enum status read_pair(struct yaml_reader *reader, yaml_event_t *key, json_t *object)
{
    if (key->type != YAML_SCALAR_EVENT)
        return yaml_fail(reader, key->start_mark, "a key must be text");
    const char *name = (const char *)key->data.scalar.value;
    if (strcmp(name, "<<") == 0)
        return yaml_fail(reader, key->start_mark, "merge keys are not supported");
    if (strlen(name) != key->data.scalar.length)
        return yaml_fail(reader, key->start_mark, "a key contains a NUL character");
    if (json_object_get(object, name))
        return yaml_fail(reader, key->start_mark, "this key appears twice");
    yaml_event_t event;
    TRY(next_event(reader, &event));
    json_t *value;
    TRY(read_node(reader, &event, &value));
    if (json_object_set_new(object, name, value) != 0)
        return yaml_fail(reader, key->start_mark, "this key is not valid UTF-8");
    return ST_OK;
}

static enum status read_mapping(struct yaml_reader *reader, json_t *object)
{
    for (;;) {
        yaml_event_t key;
        TRY(next_event(reader, &key));
        if (key.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&key);
            return ST_OK;
        }
        enum status status = read_pair(reader, &key, object);
        yaml_event_delete(&key);
        TRY(status);
    }
}

static enum status read_content(struct yaml_reader *reader, const yaml_event_t *event, json_t **ret_node)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        *ret_node = scalar_value(event);
        return *ret_node ? ST_OK : yaml_fail(reader, event->start_mark, "this value is not valid UTF-8");
    case YAML_SEQUENCE_START_EVENT:
        *ret_node = json_array();
        return read_sequence(reader, *ret_node);
    case YAML_MAPPING_START_EVENT:
        *ret_node = json_object();
        return read_mapping(reader, *ret_node);
    default:
        return read_alias(reader, event, ret_node);
    }
}

/* Takes the event. An anchor stands for nothing while its own value is read. */
static enum status read_node(struct yaml_reader *reader, yaml_event_t *event, json_t **ret_node)
{
    const char *anchor = (const char *)anchor_of(event);
    json_t *node = NULL;
    enum status status = event->type == YAML_ALIAS_EVENT ? ST_OK : enter_node(reader, event->start_mark);
    if (anchor)
        json_object_del(reader->anchors, anchor);
    if (status == ST_OK)
        status = read_content(reader, event, &node);
    if (status == ST_OK && anchor)
        json_object_set(reader->anchors, anchor, node);
    if (event->type != YAML_ALIAS_EVENT)
        reader->depth--;
    yaml_event_delete(event);
    if (status == ST_OK)
        *ret_node = node;
    else
        json_decref(node);
    return status;
}

static enum status read_document(struct yaml_reader *reader, json_t **ret_tree)
{
    json_t *tree = NULL;
    for (;;) {
        yaml_event_t event;
        enum status status = next_event(reader, &event);
        if (status == ST_OK && (event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_START_EVENT) && tree == NULL) {
            yaml_event_delete(&event);
            continue;
        }
        if (status == ST_OK && event.type == YAML_DOCUMENT_END_EVENT) {
            yaml_event_delete(&event);
            continue;
        }
        if (status == ST_OK && event.type == YAML_STREAM_END_EVENT) {
            yaml_event_delete(&event);
            *ret_tree = tree ? tree : json_object();
            return ST_OK;
        }
        if (status == ST_OK && tree) {
            status = yaml_fail(reader, event.start_mark, "more than one document in the file");
            yaml_event_delete(&event);
        } else if (status == ST_OK) {
            status = read_node(reader, &event, &tree);
        }
        if (status != ST_OK) {
            json_decref(tree);
            return status;
        }
    }
}

enum status config_parse_yaml(const char *origin, struct str text, json_t **ret_tree, struct error *err)
{
    struct yaml_reader reader = {.origin = origin, .text = text, .err = err};
    if (!yaml_parser_initialize(&reader.parser))
        return fail(err, ST_LIMIT, "%s: out of memory", origin);
    reader.anchors = json_object();
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.data, text.len);
    enum status status = read_document(&reader, ret_tree);
    yaml_parser_delete(&reader.parser);
    json_decref(reader.anchors);
    return status;
}

enum status config_parse_json(const char *origin, struct str text, json_t **ret_tree, struct error *err)
{
    json_error_t problem;
    json_t *tree = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &problem);
    if (!tree)
        return fail(err, ST_INVALID, "%s: line %d, column %d: %s", origin, problem.line, MAX(problem.column, 1),
                    json_error_code(&problem) == json_error_null_character ? "text with a NUL character" : problem.text);
    *ret_tree = tree;
    return ST_OK;
}

/* --- files -------------------------------------------------------------------------------------------------------------------- */

/* The rules of trust for one file or folder: it runs commands as us, so nobody else may have been able to write it. */
static enum status check_owner(const char *path, const struct stat *stat, struct error *err)
{
    uid_t self = geteuid();
    if (stat->st_mode & S_IWOTH)
        return fail(err, ST_DENIED,
                    "%s is writable by every user, so anyone could make wash run commands as you; run `chmod o-w %s`, or name the "
                    "project with -C if you trust it",
                    path, path);
    if (stat->st_uid != self && stat->st_uid != 0 && self != 0)
        return fail(
            err, ST_DENIED,
            "%s belongs to another user (uid %u), whose commands wash would run as you; name the project with -C if you trust it",
            path, (unsigned)stat->st_uid);
    return ST_OK;
}

/* The folder and the last name of a path, which is cut up for it. */
static const char *split_path(char *path, const char **ret_name)
{
    char *slash = strrchr(path, '/');
    *ret_name = slash ? slash + 1 : path;
    if (!slash)
        return ".";
    if (slash == path)
        return "/";
    *slash = 0;
    return path;
}

/* Opens `path` by way of its folder, so that the folder that is checked is the one the file comes from. */
static enum status open_checked(const char *path, int *ret_fd, struct stat *ret_info, struct error *err)
{
    autofree char *copy = mem_strdup(path);
    const char *name, *folder = split_path(copy, &name);
    autoclose int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat info;
    if (dir < 0 || fstat(dir, &info) != 0)
        return fail_errno(err, "read %s", folder);
    TRY(check_owner(folder, &info, err));
    autoclose int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, ret_info) != 0)
        return fail_errno(err, "read %s", path);
    TRY(check_owner(path, ret_info, err));
    *ret_fd = fd;
    fd = -1;
    return ST_OK;
}

/* A file reached through symbolic links lies in another folder than the one it is named in, and who can write there can replace it.
 */
static enum status check_real_folder(int fd, const struct stat *file, struct error *err)
{
    char link[40], real[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, real, sizeof real - 1);
    if (len < 0)
        return fail_errno(err, "read %s", link);
    real[len] = 0;
    const char *name, *folder = split_path(real, &name);
    autoclose int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat info;
    if (dir < 0 || fstat(dir, &info) != 0)
        return fail_errno(err, "read %s", folder);
    TRY(check_owner(folder, &info, err));
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || info.st_dev != file->st_dev || info.st_ino != file->st_ino)
        return fail(err, ST_DENIED, "%s/%s was replaced while it was read; try again", folder, name);
    return ST_OK;
}

static enum status open_file(const char *path, enum config_trust trust, int *ret_fd, struct error *err)
{
    struct stat info;
    autoclose int fd = -1;
    if (trust == CONFIG_TRUST_CHECKED)
        TRY(open_checked(path, &fd, &info, err));
    else if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0 || fstat(fd, &info) != 0)
        return fail_errno(err, "read %s", path);
    if (!S_ISREG(info.st_mode))
        return fail(err, ST_INVALID, "%s is not a regular file", path);
    if (trust == CONFIG_TRUST_CHECKED)
        TRY(check_real_folder(fd, &info, err));
    *ret_fd = fd;
    fd = -1;
    return ST_OK;
}

enum status config_read_file(const char *path, enum config_trust trust, json_t **ret_tree, struct error *err)
{
    autoclose int fd = -1;
    TRY(open_file(path, trust, &fd, err));
    autobuf struct buf text = BUF_INIT(CONFIG_MAX_BYTES);
    TRY(file_read_open(fd, path, &text, err));
    if (str_ends(str_of(path), STR(".json")))
        return config_parse_json(path, buf_str(&text), ret_tree, err);
    if (str_ends(str_of(path), STR(".toml")))
        return config_parse_toml(path, buf_str(&text), ret_tree, err);
    return config_parse_yaml(path, buf_str(&text), ret_tree, err);
}
