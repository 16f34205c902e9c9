#include "wkg/edit.h"
#include "base/mem.h"
#include "base/vec.h"
#include "wit/source.h"

#define DEFAULT_INDENT "    "

struct statement {       /* of a world */
    uint32_t start, end; /* from its attributes to its `;` or `}` */
    bool import, include;
    struct str target; /* "a:b/c@1.0.0", without white space; empty: it names no other package */
};

struct world {
    uint32_t open, close; /* behind `{`, at `}` */
    VEC(struct statement) statements;
};

struct scan {
    struct wit_source source;
    struct wit_lexer lexer;
    struct wit_token token;
    VEC(struct world) worlds;
    struct arena arena; /* of the targets */
    struct error *err;
};

/* --- cutting into statements -------------------------------------------------------------------------------------------------- */

static enum status next(struct scan *scan)
{
    return wit_lexer_next(&scan->lexer, &scan->token, scan->err);
}

static bool at(const struct scan *scan, const char *text)
{
    enum wit_token_kind kind = scan->token.kind;
    return (kind == TOKEN_PUNCTUATION || kind == TOKEN_KEYWORD) && str_is(scan->token.text, text);
}

static enum status fail_end(struct scan *scan)
{
    return wit_fail_at(scan->err, (struct wit_pos){&scan->source, scan->token.start}, "the file ends within a block");
}

/* To the token behind a balanced `{ }`; the next token is `{`. */
static enum status skip_block(struct scan *scan)
{
    size_t depth = 0;
    do {
        if (scan->token.kind == TOKEN_EOF)
            return fail_end(scan);
        depth += at(scan, "{");
        depth -= at(scan, "}");
        if (depth)
            TRY(next(scan));
    } while (depth);
    return ST_OK;
}

/* `@name(...)` */
static enum status skip_attributes(struct scan *scan)
{
    while (at(scan, "@")) {
        TRY(next(scan));
        TRY(next(scan));
        while (!at(scan, ")") && scan->token.kind != TOKEN_EOF)
            TRY(next(scan));
        TRY(next(scan));
    }
    return ST_OK;
}

/* Out of "ns:name/item@version", or "name:ns:name/item@version"; empty if it is neither. */
static struct str target_of(struct str text)
{
    size_t slash = str_find_char(text, '/'), first = str_find_char(text, ':');
    if (slash == STR_NONE || first == STR_NONE || first > slash || str_find_char(text, '(') != STR_NONE)
        return STR("");
    struct str behind = str_from(text, first + 1);
    return str_find_char(str_slice(behind, 0, slash - first - 1), ':') == STR_NONE ? text : behind;
}

/* To the `;` or `{` that ends the head of a statement; ret_text: the tokens before it, without what is between them. */
static enum status scan_head(struct scan *scan, struct str *ret_text)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    bool done = false;
    while (!at(scan, ";") && !at(scan, "{")) {
        if (scan->token.kind == TOKEN_EOF || at(scan, "}"))
            return fail_end(scan);
        done = done || at(scan, "with");
        if (!done)
            buf_add(&text, scan->token.text);
        TRY(next(scan));
    }
    *ret_text = arena_str(&scan->arena, buf_str(&text));
    return ST_OK;
}

static enum status scan_statement(struct scan *scan, struct world *world)
{
    struct statement statement = {.start = scan->token.start};
    TRY(skip_attributes(scan));
    statement.import = at(scan, "import");
    statement.include = at(scan, "include");
    if (statement.import || statement.include)
        TRY(next(scan));
    TRY(scan_head(scan, &statement.target));
    statement.target = target_of(statement.target);
    if (at(scan, "{"))
        TRY(skip_block(scan));
    statement.end = scan->token.end;
    TRY(next(scan));
    if (at(scan, ";") && statement.end == scan->token.start) {
        statement.end = scan->token.end;
        TRY(next(scan));
    }
    vec_push(&world->statements, statement);
    return ST_OK;
}

static enum status scan_world(struct scan *scan)
{
    TRY(next(scan));
    while (!at(scan, "{")) {
        if (scan->token.kind == TOKEN_EOF)
            return fail_end(scan);
        TRY(next(scan));
    }
    struct world *world = vec_add(&scan->worlds);
    world->open = scan->token.end;
    TRY(next(scan));
    while (!at(scan, "}"))
        TRY(scan_statement(scan, world));
    world->close = scan->token.start;
    return next(scan);
}

/* Worlds of the file's own package: those of `package x:y { ... }` are another's. */
static enum status scan_file(struct scan *scan)
{
    TRY(next(scan));
    while (scan->token.kind != TOKEN_EOF) {
        if (at(scan, "world")) {
            TRY(scan_world(scan));
        } else if (at(scan, "{")) {
            TRY(skip_block(scan));
            TRY(next(scan));
        } else {
            TRY(next(scan));
        }
    }
    return ST_OK;
}

static void release(struct scan *scan)
{
    vec_each (world, &scan->worlds)
        vec_release(&world->statements);
    vec_release(&scan->worlds);
    arena_release(&scan->arena);
}

static enum status scan_text(struct str path, struct str text, struct scan *scan, struct error *err)
{
    *scan = (struct scan){.source = {path, text}, .err = err};
    arena_init(&scan->arena, SIZE_MAX);
    scan->lexer = (struct wit_lexer){&scan->source, 0};
    if (text.len > WIT_MAX_FILE_BYTES || !str_valid_utf8(text))
        return fail(err, ST_INVALID, "%.*s is not a WIT file", STR_ARG(path));
    return scan_file(scan);
}

enum status wkg_edit_has_world(struct str path, struct str text, bool *ret_has, struct error *err)
{
    struct scan scan;
    enum status status = scan_text(path, text, &scan, err);
    if (status == ST_OK)
        *ret_has = scan.worlds.len > 0;
    release(&scan);
    return status;
}

/* --- lines -------------------------------------------------------------------------------------------------------------------- */

static uint32_t line_start(struct str text, uint32_t offset)
{
    while (offset > 0 && text.data[offset - 1] != '\n')
        offset--;
    return offset;
}

static uint32_t line_end(struct str text, uint32_t offset) /* behind its newline */
{
    while (offset < text.len && text.data[offset] != '\n')
        offset++;
    return offset < text.len ? offset + 1 : offset;
}

static struct str indent_at(struct str text, uint32_t offset)
{
    uint32_t start = line_start(text, offset), end = start;
    while (end < offset && (text.data[end] == ' ' || text.data[end] == '\t'))
        end++;
    return str_slice(text, start, end);
}

static bool blank(struct str text)
{
    return str_trim(text).len == 0;
}

static const char *newline_of(struct str text)
{
    size_t at = str_find_char(text, '\n');
    return at != STR_NONE && at > 0 && text.data[at - 1] == '\r' ? "\r\n" : "\n";
}

/* --- adding ------------------------------------------------------------------------------------------------------------------- */

static bool names(const struct statement *statement, const struct wkg_target *target)
{
    struct str name = str_slice(statement->target, 0, str_find_char(statement->target, '@'));
    struct str version = str_from(statement->target, name.len);
    if (!str_skip(&name, target->package.text) || !str_skip(&name, STR("/")))
        return false;
    if (target->interface.len && !str_eq(name, target->interface))
        return false;
    return !wit_version_is_set(&target->version) || (str_skip(&version, STR("@")) && str_eq(version, target->version.text));
}

static bool alone_before(struct str text, uint32_t offset)
{
    return blank(str_slice(text, line_start(text, offset), offset));
}

/* As the import before it, else as what else there is in the world, else four deeper than the world. */
static void add_indent(struct str text, const struct world *world, const struct statement *last, struct buf *out)
{
    const struct statement *like = last && alone_before(text, last->start) ? last : NULL;
    for (size_t i = 0; i < world->statements.len && !like; i++)
        if (alone_before(text, world->statements.items[i].start))
            like = &world->statements.items[i];
    buf_add(out, indent_at(text, like ? like->start : world->open));
    if (!like)
        buf_add(out, STR(DEFAULT_INDENT));
}

static const struct statement *last_import(const struct world *world)
{
    const struct statement *last = NULL;
    vec_each (item, &world->statements)
        if (item->import || item->include)
            last = item;
    return last;
}

static void insert(const struct scan *scan, const struct world *world, struct str statement, struct buf *out)
{
    struct str text = scan->source.text;
    const struct statement *last = last_import(world);
    uint32_t place = last ? last->end : world->open, end = line_end(text, place);
    struct str rest = str_trim(str_slice(text, place, end));
    bool line_is_done = rest.len == 0 || str_starts(rest, STR("//"));
    if (last && !line_is_done) { /* import a:b/c; } */
        buf_add(out, str_slice(text, 0, place));
        buf_addf(out, " %.*s", STR_ARG(statement));
        buf_add(out, str_from(text, place));
        return;
    }
    if (line_is_done)
        place = end;
    buf_add(out, str_slice(text, 0, place));
    if (!line_is_done)
        buf_addf(out, "%s", newline_of(text));
    add_indent(text, world, last, out);
    buf_addf(out, "%.*s%s", STR_ARG(statement), newline_of(text));
    if (!line_is_done) { /* world w { export a; } */
        bool at_close = blank(str_slice(text, place, world->close));
        if (at_close)
            buf_add(out, indent_at(text, world->open));
        else
            add_indent(text, world, last, out);
        while (text.data[place] == ' ' || text.data[place] == '\t')
            place++;
    }
    buf_add(out, str_from(text, place));
}

static enum status add(struct scan *scan, const struct wkg_target *target, struct str statement, struct buf *out)
{
    struct wkg_target any_version = *target;
    any_version.version = (struct wit_version){0};
    if (scan->worlds.len == 0)
        return fail(scan->err, ST_NOT_FOUND, "%.*s has no world to add an import to", STR_ARG(scan->source.path));
    vec_each (item, &scan->worlds.items[0].statements)
        if ((item->import || item->include) && names(item, &any_version))
            return fail(scan->err, ST_EXISTS, "Package %.*s%s%.*s is already imported in %.*s", STR_ARG(target->package.text),
                        target->interface.len ? "/" : "", STR_ARG(target->interface), STR_ARG(scan->source.path));
    insert(scan, &scan->worlds.items[0], statement, out);
    return ST_OK;
}

enum status wkg_edit_add(struct str path, struct str text, const struct wkg_target *target, struct str statement,
                         struct buf *ret_text, struct error *err)
{
    struct scan scan;
    enum status status = scan_text(path, text, &scan, err);
    if (status == ST_OK)
        status = add(&scan, target, statement, ret_text);
    release(&scan);
    return status;
}

/* --- removing ----------------------------------------------------------------------------------------------------------------- */

/* Doc comments right above belong to it. */
static uint32_t with_docs(struct str text, uint32_t start)
{
    for (uint32_t line = start; line > 0;) {
        uint32_t above = line_start(text, line - 1);
        if (!str_starts(str_trim(str_slice(text, above, line)), STR("///")))
            break;
        start = line = above;
    }
    return start;
}

/* A comment behind it on its line goes with it, if nothing else is on the line. */
static void range_of(struct str text, const struct statement *statement, uint32_t *ret_start, uint32_t *ret_end)
{
    uint32_t start = line_start(text, statement->start), end = line_end(text, statement->end);
    struct str rest = str_trim(str_slice(text, statement->end, end));
    if (alone_before(text, statement->start) && (rest.len == 0 || str_starts(rest, STR("//")))) {
        *ret_start = with_docs(text, start);
        *ret_end = end;
        return;
    }
    *ret_start = statement->start;
    *ret_end = statement->end;
    while (*ret_end < text.len && text.data[*ret_end] == ' ')
        ++*ret_end;
}

static size_t remove_from(const struct scan *scan, const struct wkg_target *target, struct buf *out)
{
    struct str text = scan->source.text;
    uint32_t kept = 0, start, end;
    size_t count = 0;
    vec_each (world, &scan->worlds)
        vec_each (item, &world->statements) {
            if ((!item->import && !item->include) || !names(item, target))
                continue;
            range_of(text, item, &start, &end);
            buf_add(out, str_slice(text, kept, start));
            kept = end;
            count++;
        }
    buf_add(out, str_from(text, kept));
    return count;
}

enum status wkg_edit_remove(struct str path, struct str text, const struct wkg_target *target, struct buf *ret_text,
                            size_t *ret_count, struct error *err)
{
    struct scan scan;
    enum status status = scan_text(path, text, &scan, err);
    if (status == ST_OK)
        *ret_count = remove_from(&scan, target, ret_text);
    release(&scan);
    return status;
}
