#include "wit/parser.h"

#include "base/mem.h"

struct wit_pos parse_pos(const struct parser *parser)
{
    return (struct wit_pos){parser->lexer.source, parser->next.start};
}

struct str parse_docs(struct parser *parser)
{
    return wit_token_docs(parser->lexer.source, &parser->next, parser->arena);
}

enum status parse_advance(struct parser *parser)
{
    return wit_lexer_next(&parser->lexer, &parser->next, parser->err);
}

enum status parse_count(struct parser *parser)
{
    if (++*parser->node_count > WIT_MAX_ITEMS)
        return wit_fail_at_status(parser->err, ST_LIMIT, parse_pos(parser), "the WIT holds more than %u items", WIT_MAX_ITEMS);
    return ST_OK;
}

enum status parse_fail_expected(struct parser *parser, const char *what)
{
    char found[WIT_TOKEN_TEXT_MAX];
    return wit_fail_at(parser->err, parse_pos(parser), "expected %s, found %s", what, wit_token_describe(&parser->next, found));
}

bool parse_at(const struct parser *parser, const char *token)
{
    enum wit_token_kind kind = parser->next.kind;
    return (kind == TOKEN_KEYWORD || kind == TOKEN_PUNCTUATION || kind == TOKEN_ARROW) && str_is(parser->next.text, token);
}

bool parse_at_name(const struct parser *parser)
{
    return parser->next.kind == TOKEN_ID || parser->next.kind == TOKEN_EXPLICIT_ID;
}

enum status parse_eat(struct parser *parser, const char *token, bool *ret_eaten)
{
    *ret_eaten = parse_at(parser, token);
    return *ret_eaten ? parse_advance(parser) : ST_OK;
}

enum status parse_expect(struct parser *parser, const char *token, const char *where)
{
    char found[WIT_TOKEN_TEXT_MAX];
    if (parse_at(parser, token))
        return parse_advance(parser);
    bool word = token[0] >= 'a' && token[0] <= 'z';
    return wit_fail_at(parser->err, parse_pos(parser), word ? "expected `%s` %s, found %s" : "expected '%s' %s, found %s", token,
                       where, wit_token_describe(&parser->next, found));
}

enum status parse_id(struct parser *parser, const char *what, struct ast_id *ret_id)
{
    if (!parse_at_name(parser)) {
        if (parser->next.kind == TOKEN_KEYWORD && !parse_at(parser, "_"))
            return wit_fail_at(parser->err, parse_pos(parser),
                               "expected %s, found keyword `%.*s`; write `%%%.*s` to use it as a name", what,
                               STR_ARG(parser->next.text), STR_ARG(parser->next.text));
        return parse_fail_expected(parser, what);
    }
    *ret_id = (struct ast_id){parser->next.text, parse_pos(parser)};
    return parse_advance(parser);
}

enum status parse_list_start(struct parser *parser, const char *end, bool *ret_more)
{
    bool ended;
    TRY(parse_eat(parser, end, &ended));
    *ret_more = !ended;
    return ST_OK;
}

enum status parse_list_next(struct parser *parser, const char *end, const char *where, bool *ret_more)
{
    bool comma;
    char found[WIT_TOKEN_TEXT_MAX];
    TRY(parse_eat(parser, ",", &comma));
    if (comma)
        return parse_list_start(parser, end, ret_more);
    *ret_more = false;
    if (!parse_at(parser, end))
        return wit_fail_at(parser->err, parse_pos(parser), "expected ',' or '%s' %s, found %s", end, where,
                           wit_token_describe(&parser->next, found));
    return parse_advance(parser);
}

/* Versions are not made of tokens: the lexer is put behind the one that is read from the text at the next token. */
static enum status parse_version(struct parser *parser, struct wit_version *ret_version)
{
    struct error reason;
    struct wit_pos pos = parse_pos(parser);
    struct str rest = str_from(parser->lexer.source->text, parser->next.start);
    size_t len = wit_version_span(rest);
    if (len == 0)
        return parse_fail_expected(parser, "a version such as 1.2.3");
    if (wit_version_parse(str_slice(rest, 0, len), ret_version, &reason) != ST_OK)
        return wit_fail_at(parser->err, pos, "%s", reason.message);
    parser->lexer.at = parser->next.start + (uint32_t)len;
    return parse_advance(parser);
}

static enum status parse_optional_version(struct parser *parser, struct wit_version *ret_version)
{
    bool has_version;
    TRY(parse_eat(parser, "@", &has_version));
    return has_version ? parse_version(parser, ret_version) : ST_OK;
}

static struct str package_text(struct arena *arena, struct str ns, struct str name, const struct wit_version *version)
{
    return arena_printf(arena, "%.*s:%.*s%s%.*s", STR_ARG(ns), STR_ARG(name), wit_version_is_set(version) ? "@" : "",
                        (int)version->text.len, version->text.data ? version->text.data : "");
}

/* name, or ns:package/name@version */
static enum status parse_path(struct parser *parser, const char *what, struct ast_path *ret_path)
{
    struct ast_path path = {0};
    TRY(parse_id(parser, what, &path.name));
    TRY(parse_eat(parser, ":", &path.qualified));
    if (path.qualified) {
        path.ns = path.name;
        TRY(parse_id(parser, "the name of a package", &path.package));
        TRY(parse_expect(parser, "/", "after the name of the package"));
        TRY(parse_id(parser, "the name of an interface or world", &path.name));
        TRY(parse_optional_version(parser, &path.version));
        path.full_package = package_text(parser->arena, path.ns.name, path.package.name, &path.version);
    }
    *ret_path = path;
    return ST_OK;
}

/* Attributes. */
static enum status parse_argument_name(struct parser *parser, const char *name)
{
    char what[32];
    snprintf(what, sizeof what, "`%s`", name);
    if (!parse_at_name(parser) || !str_is(parser->next.text, name))
        return parse_fail_expected(parser, what);
    TRY(parse_advance(parser));
    return parse_expect(parser, "=", "after the name of the argument");
}

static enum status parse_since(struct parser *parser, struct ast_gate *gate, struct wit_pos pos)
{
    if (gate->stability.gate == WIT_SINCE)
        return wit_fail_at(parser->err, pos, "`@since` is given twice");
    if (gate->stability.gate == WIT_UNSTABLE)
        return wit_fail_at(parser->err, pos, "`@since` and `@unstable` exclude each other");
    gate->stability.gate = WIT_SINCE;
    TRY(parse_argument_name(parser, "version"));
    return parse_version(parser, &gate->stability.since);
}

static enum status parse_unstable(struct parser *parser, struct ast_gate *gate, struct wit_pos pos)
{
    struct ast_id feature;
    if (gate->stability.gate == WIT_UNSTABLE)
        return wit_fail_at(parser->err, pos, "`@unstable` is given twice");
    if (gate->stability.gate == WIT_SINCE)
        return wit_fail_at(parser->err, pos, "`@since` and `@unstable` exclude each other");
    gate->stability.gate = WIT_UNSTABLE;
    TRY(parse_argument_name(parser, "feature"));
    TRY(parse_id(parser, "the name of a feature", &feature));
    gate->stability.feature = feature.name;
    return ST_OK;
}

static enum status parse_deprecated(struct parser *parser, struct ast_gate *gate, struct wit_pos pos)
{
    if (wit_version_is_set(&gate->stability.deprecated))
        return wit_fail_at(parser->err, pos, "`@deprecated` is given twice");
    TRY(parse_argument_name(parser, "version"));
    return parse_version(parser, &gate->stability.deprecated);
}

static enum status parse_external_id(struct parser *parser, struct ast_gate *gate, struct wit_pos pos)
{
    if (gate->has_external_id)
        return wit_fail_at(parser->err, pos, "`@external-id` is given twice");
    if (parser->next.kind != TOKEN_STRING)
        return parse_fail_expected(parser, "a string");
    gate->has_external_id = true;
    TRY(wit_token_string(parser->lexer.source, &parser->next, parser->arena, &gate->external_id, parser->err));
    return parse_advance(parser);
}

static enum status parse_attribute(struct parser *parser, struct ast_gate *gate)
{
    static const struct {
        const char *name;
        enum status (*parse)(struct parser *, struct ast_gate *, struct wit_pos);
    } attributes[] = {
        {"since", parse_since}, {"unstable", parse_unstable}, {"deprecated", parse_deprecated}, {"external-id", parse_external_id}};
    struct ast_id id;
    TRY(parse_id(parser, "the name of an attribute", &id));
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
        if (!str_is(id.name, attributes[i].name))
            continue;
        TRY(parse_expect(parser, "(", "after the name of the attribute"));
        TRY(attributes[i].parse(parser, gate, id.pos));
        return parse_expect(parser, ")", "at the end of the attribute");
    }
    return wit_fail_at(parser->err, id.pos,
                       "unknown attribute `@%.*s`; expected `@since`, `@unstable`, `@deprecated` or `@external-id`",
                       STR_ARG(id.name));
}

enum status parse_gate(struct parser *parser, struct ast_gate *ret_gate)
{
    struct ast_gate gate = {0};
    if (parse_at(parser, "@"))
        gate.pos = parse_pos(parser);
    while (parse_at(parser, "@")) {
        TRY(parse_advance(parser));
        TRY(parse_attribute(parser, &gate));
    }
    if (gate.stability.gate == WIT_UNGATED && wit_version_is_set(&gate.stability.deprecated))
        return wit_fail_at(parser->err, gate.pos, "`@deprecated` needs `@since` or `@unstable` beside it");
    *ret_gate = gate;
    return ST_OK;
}

static enum status reject_external_id(struct parser *parser, const struct ast_gate *gate, const char *where)
{
    if (gate->has_external_id)
        return wit_fail_at(parser->err, gate->pos, "`@external-id` is not allowed on %s", where);
    return ST_OK;
}

/* Items of interfaces and worlds. */
static enum status parse_rename(struct parser *parser, bool alias_required, struct ast_rename *ret_rename)
{
    bool has_alias = alias_required;
    TRY(parse_count(parser));
    TRY(parse_id(parser, "a name or '}'", &ret_rename->name));
    ret_rename->alias = ret_rename->name;
    if (alias_required)
        TRY(parse_expect(parser, "as", "after the name"));
    else
        TRY(parse_eat(parser, "as", &has_alias));
    return has_alias ? parse_id(parser, "the new name", &ret_rename->alias) : ST_OK;
}

static enum status parse_names(struct parser *parser, struct ast_item *item)
{
    bool more;
    TRY(parse_expect(parser, "{", "before the names"));
    TRY(parse_list_start(parser, "}", &more));
    while (more) {
        struct ast_rename rename;
        TRY(parse_rename(parser, item->kind == AST_INCLUDE, &rename));
        wit_vec_push(parser->arena, &item->names, rename);
        TRY(parse_list_next(parser, "}", "in the names", &more));
    }
    return ST_OK;
}

/* use path.{names}; */
static enum status parse_use(struct parser *parser, struct ast_item *item)
{
    item->kind = AST_USE;
    TRY(parse_advance(parser));
    TRY(parse_path(parser, "the name of an interface", &item->path));
    TRY(parse_expect(parser, ".", "after the name of the interface"));
    TRY(parse_names(parser, item));
    return parse_expect(parser, ";", "after `use`");
}

static enum status parse_include(struct parser *parser, struct ast_item *item)
{
    bool renames;
    TRY(reject_external_id(parser, &item->gate, "`include`"));
    item->kind = AST_INCLUDE;
    TRY(parse_advance(parser));
    TRY(parse_path(parser, "the name of a world", &item->path));
    TRY(parse_eat(parser, "with", &renames));
    if (!renames)
        return parse_expect(parser, ";", "or `with` after the name of the world");
    TRY(parse_names(parser, item));
    return parse_eat(parser, ";", &renames); /* the grammar ends `with {...}` without one, its examples with one */
}

static bool at_type_definition(const struct parser *parser)
{
    static const char *const words[] = {"type", "record", "variant", "enum", "flags", "resource"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (parse_at(parser, words[i]))
            return true;
    return false;
}

static enum status parse_named_function(struct parser *parser, struct ast_item *item)
{
    item->kind = AST_FUNCTION;
    item->function = ARENA_NEW(parser->arena, struct ast_function);
    item->function->docs = item->docs;
    item->function->gate = item->gate;
    TRY(parse_id(parser, "the name of a function", &item->function->id));
    item->id = item->function->id;
    TRY(parse_expect(parser, ":", "after the name of the function"));
    TRY(parse_function(parser, item->function));
    return parse_expect(parser, ";", "after the function");
}

static enum status parse_interface_item(struct parser *parser, struct ast_item *item)
{
    if (parse_at(parser, "use"))
        return parse_use(parser, item);
    if (at_type_definition(parser))
        return parse_type_definition(parser, item);
    if (parse_at_name(parser))
        return parse_named_function(parser, item);
    return parse_fail_expected(parser, "`use`, a type, a function or '}'");
}

static enum status parse_items(struct parser *parser, enum status (*parse)(struct parser *, struct ast_item *),
                               ast_items *ret_items)
{
    TRY(parse_expect(parser, "{", "before the items"));
    while (!parse_at(parser, "}")) {
        TRY(parse_count(parser));
        struct ast_item *item = ARENA_NEW(parser->arena, struct ast_item);
        item->docs = parse_docs(parser);
        TRY(parse_gate(parser, &item->gate));
        TRY(parse(parser, item));
        wit_vec_push(parser->arena, ret_items, item);
    }
    return parse_advance(parser);
}

/* True if what follows `label:` is `b/c`: the colon was part of the path `label:b/c`. */
static bool is_qualified_path(const struct parser *parser)
{
    struct parser ahead = *parser;
    ahead.err = NULL;
    return parse_at_name(&ahead) && parse_advance(&ahead) == ST_OK && parse_at(&ahead, "/");
}

/* Behind `label:`. */
static enum status parse_labelled_extern(struct parser *parser, struct ast_item *item)
{
    if (parse_at(parser, "func") || parse_at(parser, "async")) {
        item->extern_kind = AST_EXTERN_FUNCTION;
        item->function = ARENA_NEW(parser->arena, struct ast_function);
        item->function->docs = item->docs;
        item->function->gate = item->gate;
        item->function->id = item->id;
        TRY(parse_function(parser, item->function));
        return parse_expect(parser, ";", "after the function");
    }
    if (parse_at(parser, "interface")) {
        item->extern_kind = AST_EXTERN_INLINE;
        TRY(parse_advance(parser));
        return parse_items(parser, parse_interface_item, &item->inline_items);
    }
    item->extern_kind = AST_EXTERN_NAMED_PATH;
    TRY(parse_path(parser, "`func`, `async`, `interface` or the name of an interface", &item->path));
    return parse_expect(parser, ";", "after the interface");
}

static enum status parse_extern(struct parser *parser, struct ast_item *item)
{
    item->kind = parse_at(parser, "import") ? AST_IMPORT : AST_EXPORT;
    TRY(parse_advance(parser));
    struct parser start = *parser;
    bool labelled;
    TRY(parse_id(parser, "a name or an interface", &item->id));
    uint32_t colon = parser->next.start;
    TRY(parse_eat(parser, ":", &labelled));
    bool joined = labelled && colon == start.next.end && parser->next.start == colon + 1 && parse_at_name(parser);
    if (labelled && !is_qualified_path(parser)) {
        if (joined)
            return wit_fail_at(parser->err, item->id.pos,
                               "`%.*s:%.*s` is a package, not an interface; to name an interface, put a space "
                               "behind the colon",
                               STR_ARG(item->id.name), STR_ARG(parser->next.text));
        return parse_labelled_extern(parser, item);
    }
    *parser = start;
    item->extern_kind = AST_EXTERN_PATH;
    TRY(parse_path(parser, "an interface", &item->path));
    item->id = item->path.name;
    return parse_expect(parser, ";", "after the interface");
}

static enum status parse_world_item(struct parser *parser, struct ast_item *item)
{
    if (parse_at(parser, "import") || parse_at(parser, "export"))
        return parse_extern(parser, item);
    if (parse_at(parser, "include"))
        return parse_include(parser, item);
    if (parse_at(parser, "use"))
        return parse_use(parser, item);
    if (at_type_definition(parser))
        return parse_type_definition(parser, item);
    return parse_fail_expected(parser, "`import`, `export`, `include`, `use`, a type or '}'");
}

/* Top level. */
static enum status parse_top_use(struct parser *parser, struct ast_decl *decl)
{
    bool has_alias;
    if (decl->gate.pos.source)
        return wit_fail_at(parser->err, decl->gate.pos, "attributes are not allowed on a `use` at the top of a file");
    decl->kind = AST_TOP_USE;
    TRY(parse_advance(parser));
    TRY(parse_path(parser, "the name of an interface", &decl->path));
    decl->id = decl->path.name;
    TRY(parse_eat(parser, "as", &has_alias));
    if (has_alias)
        TRY(parse_id(parser, "the new name", &decl->id));
    return parse_expect(parser, ";", "after `use`");
}

static enum status parse_interface_or_world(struct parser *parser, struct ast_decl *decl)
{
    decl->kind = parse_at(parser, "interface") ? AST_INTERFACE : AST_WORLD;
    TRY(reject_external_id(parser, &decl->gate, decl->kind == AST_INTERFACE ? "an interface" : "a world"));
    TRY(parse_advance(parser));
    TRY(parse_id(parser, decl->kind == AST_INTERFACE ? "the name of the interface" : "the name of the world", &decl->id));
    return parse_items(parser, decl->kind == AST_INTERFACE ? parse_interface_item : parse_world_item, &decl->items);
}

static enum status parse_package_id(struct parser *parser, struct ast_package_id *ret_package)
{
    struct ast_package_id package = {.docs = parse_docs(parser)};
    struct ast_id ns, name;
    TRY(parse_expect(parser, "package", "at the start"));
    package.pos = parse_pos(parser);
    TRY(parse_id(parser, "the namespace of the package", &ns));
    TRY(parse_expect(parser, ":", "after the namespace"));
    TRY(parse_id(parser, "the name of the package", &name));
    if (parse_at(parser, ":") || parse_at(parser, "/"))
        return wit_fail_at_status(parser->err, ST_UNSUPPORTED, parse_pos(parser),
                                  "nested namespaces and packages are not supported");
    TRY(parse_optional_version(parser, &package.version));
    package.ns = ns.name;
    package.name = name.name;
    package.full_name = package_text(parser->arena, ns.name, name.name, &package.version);
    *ret_package = package;
    return ST_OK;
}

static enum status parse_decls(struct parser *parser, struct ast_file *file, bool nested);

static enum status parse_nested_package(struct parser *parser, struct ast_file *outer)
{
    struct ast_file *file = ARENA_NEW(parser->arena, struct ast_file);
    file->source = parser->lexer.source;
    file->has_package = true;
    TRY(parse_package_id(parser, &file->package));
    TRY(parse_expect(parser, "{", "after the nested package"));
    TRY(parse_decls(parser, file, true));
    wit_vec_push(parser->arena, &outer->nested, file);
    return parse_advance(parser);
}

static enum status parse_decl(struct parser *parser, struct ast_file *file, bool nested)
{
    if (parse_at(parser, "package")) {
        if (nested)
            return wit_fail_at(parser->err, parse_pos(parser), "a nested package must be at the top of a file, not in another one");
        return parse_nested_package(parser, file);
    }
    struct ast_decl *decl = ARENA_NEW(parser->arena, struct ast_decl);
    TRY(parse_count(parser));
    decl->docs = parse_docs(parser);
    TRY(parse_gate(parser, &decl->gate));
    if (parse_at(parser, "package"))
        return wit_fail_at(parser->err, decl->gate.pos, "attributes are not allowed on packages");
    if (parse_at(parser, "use"))
        TRY(parse_top_use(parser, decl));
    else if (parse_at(parser, "interface") || parse_at(parser, "world"))
        TRY(parse_interface_or_world(parser, decl));
    else
        return parse_fail_expected(parser,
                                   nested ? "`interface`, `world`, `use` or '}'" : "`interface`, `world`, `use` or `package`");
    wit_vec_push(parser->arena, &file->decls, decl);
    return ST_OK;
}

static enum status parse_decls(struct parser *parser, struct ast_file *file, bool nested)
{
    while (nested ? !parse_at(parser, "}") : parser->next.kind != TOKEN_EOF)
        TRY(parse_decl(parser, file, nested));
    return ST_OK;
}

/* `package x:y;` at the start, unless it opens a nested package. */
static enum status parse_header(struct parser *parser, struct ast_file *file)
{
    struct parser start = *parser;
    if (!parse_at(parser, "package"))
        return ST_OK;
    TRY(parse_package_id(parser, &file->package));
    if (parse_at(parser, "{")) {
        *parser = start;
        return ST_OK;
    }
    file->has_package = true;
    return parse_expect(parser, ";", "or '{' after the package");
}

enum status wit_parse(struct arena *arena, const struct wit_source *source, uint32_t *node_count, struct ast_file **ret_file,
                      struct error *err)
{
    struct parser parser = {.arena = arena, .lexer = {source, 0}, .node_count = node_count, .err = err};
    struct ast_file *file = ARENA_NEW(arena, struct ast_file);
    file->source = source;
    TRY(parse_advance(&parser));
    TRY(parse_header(&parser, file));
    TRY(parse_decls(&parser, file, false));
    *ret_file = file;
    return ST_OK;
}
