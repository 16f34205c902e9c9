#include "wit/parser.h"

#include "base/mem.h"

static enum status parse_type_at(struct parser *parser, uint32_t depth, struct ast_type **ret_type);

static enum status new_type(struct parser *parser, enum wit_kind kind, struct ast_type **ret_type)
{
    TRY(parse_count(parser));
    struct ast_type *type = ARENA_NEW(parser->arena, struct ast_type);
    type->kind = kind;
    type->pos = parse_pos(parser);
    *ret_type = type;
    return ST_OK;
}

static enum status parse_length(struct parser *parser, struct ast_type *type)
{
    uint64_t length;
    if (parser->next.kind != TOKEN_INTEGER)
        return parse_fail_expected(parser, "the length of the list");
    if (parser->next.text.data[0] == '0' || !str_parse_u64(parser->next.text, UINT32_MAX, &length))
        return wit_fail_at(parser->err, parse_pos(parser),
                           "the length of a list must be a number from 1 to %u, without leading zeros", UINT32_MAX);
    type->kind = WIT_FIXED_LIST;
    type->length = (uint32_t)length;
    return parse_advance(parser);
}

static enum status parse_list(struct parser *parser, uint32_t depth, struct ast_type *type)
{
    bool fixed;
    TRY(parse_expect(parser, "<", "after `list`"));
    TRY(parse_type_at(parser, depth, &type->first));
    TRY(parse_eat(parser, ",", &fixed));
    if (fixed)
        TRY(parse_length(parser, type));
    return parse_expect(parser, ">", "at the end of the list type");
}

static enum status parse_tuple(struct parser *parser, uint32_t depth, struct ast_type *type)
{
    bool more;
    TRY(parse_expect(parser, "<", "after `tuple`"));
    TRY(parse_list_start(parser, ">", &more));
    while (more) {
        struct ast_field field = {0};
        TRY(parse_type_at(parser, depth, &field.type));
        wit_vec_push(parser->arena, &type->fields, field);
        TRY(parse_list_next(parser, ">", "in the tuple type", &more));
    }
    if (type->fields.len == 0)
        return wit_fail_at(parser->err, type->pos, "a tuple must have at least one type");
    return ST_OK;
}

static enum status parse_result(struct parser *parser, uint32_t depth, struct ast_type *type)
{
    bool open, has_second;
    TRY(parse_eat(parser, "<", &open));
    if (!open)
        return ST_OK;
    if (parse_at(parser, "_")) {
        TRY(parse_advance(parser));
        TRY(parse_expect(parser, ",", "after `_` in the result type"));
        TRY(parse_type_at(parser, depth, &type->second));
    } else {
        TRY(parse_type_at(parser, depth, &type->first));
        TRY(parse_eat(parser, ",", &has_second));
        if (has_second)
            TRY(parse_type_at(parser, depth, &type->second));
    }
    return parse_expect(parser, ">", "at the end of the result type");
}

static enum status parse_map(struct parser *parser, uint32_t depth, struct ast_type *type)
{
    TRY(parse_expect(parser, "<", "after `map`"));
    TRY(parse_type_at(parser, depth, &type->first));
    TRY(parse_expect(parser, ",", "between key and value of the map type"));
    TRY(parse_type_at(parser, depth, &type->second));
    return parse_expect(parser, ">", "at the end of the map type");
}

/* option<T>, and stream and future with or without <T>. */
static enum status parse_element(struct parser *parser, uint32_t depth, struct ast_type *type)
{
    if (type->kind != WIT_OPTION && !parse_at(parser, "<"))
        return ST_OK;
    TRY(parse_expect(parser, "<", "after `option`"));
    TRY(parse_type_at(parser, depth, &type->first));
    return parse_expect(parser, ">", "at the end of the type");
}

static enum status parse_handle(struct parser *parser, struct ast_type *type)
{
    TRY(parse_expect(parser, "<", "and a resource"));
    TRY(parse_id(parser, "the name of a resource", &type->id));
    return parse_expect(parser, ">", "at the end of the handle type");
}

static enum status parse_composite(struct parser *parser, uint32_t depth, struct ast_type *type)
{
    switch (type->kind) {
    case WIT_LIST:
        return parse_list(parser, depth, type);
    case WIT_TUPLE:
        return parse_tuple(parser, depth, type);
    case WIT_RESULT:
        return parse_result(parser, depth, type);
    case WIT_MAP:
        return parse_map(parser, depth, type);
    case WIT_OPTION:
    case WIT_STREAM:
    case WIT_FUTURE:
        return parse_element(parser, depth, type);
    case WIT_OWN:
    case WIT_BORROW:
        return parse_handle(parser, type);
    default:
        return ST_OK;
    }
}

/* The kind that a keyword stands for in a type, or WIT_KIND_COUNT. */
static enum wit_kind keyword_kind(const struct wit_token *token)
{
    if (token->kind != TOKEN_KEYWORD)
        return WIT_KIND_COUNT;
    for (enum wit_kind kind = WIT_BOOL; kind <= WIT_BORROW; kind++)
        if (str_is(token->text, wit_kind_name(kind)))
            return kind;
    return WIT_KIND_COUNT;
}

static enum status parse_type_at(struct parser *parser, uint32_t depth, struct ast_type **ret_type)
{
    struct ast_type *type;
    if (depth >= WIT_MAX_TYPE_DEPTH)
        return wit_fail_at_status(parser->err, ST_LIMIT, parse_pos(parser), "types are nested more than %u deep",
                                  WIT_MAX_TYPE_DEPTH);
    enum wit_kind kind = keyword_kind(&parser->next);
    if (parse_at_name(parser)) {
        TRY(new_type(parser, WIT_ALIAS, &type));
        TRY(parse_id(parser, "a type", &type->id));
    } else if (kind != WIT_KIND_COUNT) {
        TRY(new_type(parser, kind, &type));
        TRY(parse_advance(parser));
        TRY(parse_composite(parser, depth + 1, type));
    } else {
        return parse_fail_expected(parser, "a type");
    }
    *ret_type = type;
    return ST_OK;
}

enum status parse_type(struct parser *parser, struct ast_type **ret_type)
{
    return parse_type_at(parser, 0, ret_type);
}

static enum status parse_params_and_result(struct parser *parser, struct ast_function *function)
{
    bool more, has_result;
    TRY(parse_expect(parser, "(", "before the parameters"));
    TRY(parse_list_start(parser, ")", &more));
    while (more) {
        struct ast_field param = {0};
        TRY(parse_count(parser));
        TRY(parse_id(parser, "the name of a parameter", &param.id));
        TRY(parse_expect(parser, ":", "after the name of the parameter"));
        TRY(parse_type(parser, &param.type));
        wit_vec_push(parser->arena, &function->params, param);
        TRY(parse_list_next(parser, ")", "in the parameters", &more));
    }
    TRY(parse_eat(parser, "->", &has_result));
    if (has_result && parse_at(parser, "("))
        return wit_fail_at(parser->err, parse_pos(parser),
                           "expected a type, found '('; to return several values, use a tuple or a record");
    return has_result ? parse_type(parser, &function->result) : ST_OK;
}

enum status parse_function(struct parser *parser, struct ast_function *function)
{
    TRY(parse_eat(parser, "async", &function->is_async));
    TRY(parse_expect(parser, "func", "after the name of the function"));
    return parse_params_and_result(parser, function);
}

static enum status parse_resource_function(struct parser *parser, struct ast_type *resource)
{
    TRY(parse_count(parser));
    struct ast_function *function = ARENA_NEW(parser->arena, struct ast_function);
    function->docs = parse_docs(parser);
    TRY(parse_gate(parser, &function->gate));
    if (parse_at(parser, "constructor")) {
        function->kind = WIT_CONSTRUCTOR;
        function->id = (struct ast_id){STR("constructor"), parse_pos(parser)};
        TRY(parse_advance(parser));
        TRY(parse_params_and_result(parser, function));
    } else {
        bool is_static;
        TRY(parse_id(parser, "a method, `constructor` or '}'", &function->id));
        TRY(parse_expect(parser, ":", "after the name of the method"));
        TRY(parse_eat(parser, "static", &is_static));
        function->kind = is_static ? WIT_STATIC : WIT_METHOD;
        TRY(parse_function(parser, function));
    }
    TRY(parse_expect(parser, ";", "after the function"));
    wit_vec_push(parser->arena, &resource->functions, function);
    return ST_OK;
}

static enum status parse_resource(struct parser *parser, struct ast_type *type)
{
    bool open;
    TRY(parse_eat(parser, "{", &open));
    if (!open)
        return parse_expect(parser, ";", "or '{' after the name of the resource");
    while (!parse_at(parser, "}"))
        TRY(parse_resource_function(parser, type));
    return parse_advance(parser);
}

/* The fields of a record, the cases of a variant or enum, the names of flags. */
static enum status parse_field(struct parser *parser, struct ast_type *type)
{
    bool payload = false;
    struct ast_field field = {.docs = parse_docs(parser)};
    TRY(parse_count(parser));
    TRY(parse_id(parser, type->kind == WIT_RECORD ? "the name of a field or '}'" : "a name or '}'", &field.id));
    if (type->kind == WIT_RECORD) {
        TRY(parse_expect(parser, ":", "after the name of the field"));
        TRY(parse_type(parser, &field.type));
    } else if (type->kind == WIT_VARIANT) {
        TRY(parse_eat(parser, "(", &payload));
    }
    if (payload) {
        TRY(parse_type(parser, &field.type));
        TRY(parse_expect(parser, ")", "after the payload of the case"));
    }
    wit_vec_push(parser->arena, &type->fields, field);
    return ST_OK;
}

static enum status parse_fields(struct parser *parser, struct ast_type *type)
{
    bool more;
    TRY(parse_expect(parser, "{", "after the name of the type"));
    TRY(parse_list_start(parser, "}", &more));
    while (more) {
        TRY(parse_field(parser, type));
        TRY(parse_list_next(parser, "}", "in the type", &more));
    }
    if (type->fields.len == 0)
        return wit_fail_at(parser->err, type->pos, "a %s type must not be empty", wit_kind_name(type->kind));
    return ST_OK;
}

enum status parse_type_definition(struct parser *parser, struct ast_item *item)
{
    static const enum wit_kind kinds[] = {WIT_RECORD, WIT_VARIANT, WIT_ENUM, WIT_FLAGS, WIT_RESOURCE, WIT_ALIAS};
    enum wit_kind kind = WIT_KIND_COUNT;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_is(parser->next.text, wit_kind_name(kinds[i])))
            kind = kinds[i];
    item->kind = AST_TYPE;
    TRY(parse_advance(parser));
    TRY(parse_id(parser, "the name of the type", &item->id));
    if (kind == WIT_ALIAS) {
        TRY(parse_expect(parser, "=", "after the name of the type"));
        TRY(parse_type(parser, &item->type));
        return parse_expect(parser, ";", "after the type");
    }
    TRY(new_type(parser, kind, &item->type));
    item->type->pos = item->id.pos;
    return kind == WIT_RESOURCE ? parse_resource(parser, item->type) : parse_fields(parser, item->type);
}
