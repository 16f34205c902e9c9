/* Strings between guests of every pair of encodings: result, bytes, and the exact calls of realloc, against the specification's own
 * program (text_cases.inc is its output); and what is not a string. */
#include "component/abi_text.h"

#include "abi_help.h"
#include "tap.h"

struct text_case {
    enum cm_encoding from, to;
    const char *bytes;
    uint32_t tagged_units, address, stored_units;
    const char *stored, *reallocs;
};

static const struct text_case cases[] = {
#include "text_cases.inc"
};

static size_t unhex(const char *text, uint8_t *out)
{
    size_t n = 0;
    for (; text[0] && text[1]; text += 2, n++) {
        char digits[3] = {text[0], text[1], 0};
        out[n] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return n;
}

static bool run_case(size_t number, const struct text_case *c)
{
    struct fake_guest from, to;
    struct error err;
    struct cm_text text;
    uint32_t address, units;
    uint8_t want[512];
    fake_guest_init(&from, 2048, c->from, NULL, 0);
    fake_guest_init(&to, 4096, c->to, NULL, 1);
    unhex(c->bytes, from.guest.memory + 64);
    size_t len = unhex(c->stored, want);
    bool good = cm_text_load(&from.guest, 64, c->tagged_units, &text, &err) == ST_OK &&
                cm_text_store(&to.guest, &text, &address, &units, &err) == ST_OK;
    if (!good)
        tap_fail(__FILE__, __LINE__, "case %zu (%s): %s", number, c->bytes, err.message);
    else if (address != c->address || units != c->stored_units || memcmp(to.guest.memory + address, want, len) != 0)
        good = tap_fail(__FILE__, __LINE__, "case %zu (%s): %u at %u", number, c->bytes, units, address);
    else if (!str_is(buf_str(&to.trace), c->reallocs))
        good = tap_fail(__FILE__, __LINE__, "case %zu (%s): reallocs %s, not %s", number, c->bytes, to.trace.data, c->reallocs);
    fake_guest_release(&from);
    fake_guest_release(&to);
    return good;
}

TEST(transcoding_as_the_specification_has_it)
{
    bool good = true;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        good &= run_case(i, &cases[i]);
    CHECK(good);
}

/* --- not strings -------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *bytes, *message;
} not_utf8[] = {
    {"ff", "invalid utf-8 sequence of 1 bytes from index 0"},
    {"6180", "invalid utf-8 sequence of 1 bytes from index 1"},
    {"c3", "incomplete utf-8 byte sequence from index 0"},
    {"6161616161616161c3", "incomplete utf-8 byte sequence from index 8"},
    {"c328", "invalid utf-8 sequence of 1 bytes from index 0"},
    {"c080", "invalid utf-8 sequence of 1 bytes from index 0"},
    {"c1bf", "invalid utf-8 sequence of 1 bytes from index 0"},
    {"e08080", "invalid utf-8 sequence of 1 bytes from index 0"},
    {"e282", "incomplete utf-8 byte sequence from index 0"},
    {"e28228", "invalid utf-8 sequence of 2 bytes from index 0"},
    {"eda080", "invalid utf-8 sequence of 1 bytes from index 0"},
    {"f0808080", "invalid utf-8 sequence of 1 bytes from index 0"},
    {"f09f8d", "incomplete utf-8 byte sequence from index 0"},
    {"f09f8d28", "invalid utf-8 sequence of 3 bytes from index 0"},
    {"f48fbfbf61f4908080", "invalid utf-8 sequence of 1 bytes from index 5"},
    {"f5808080", "invalid utf-8 sequence of 1 bytes from index 0"},
};

TEST(malformed_utf8_traps_with_its_place)
{
    for (size_t i = 0; i < ARRAY_LEN(not_utf8); i++) {
        struct fake_guest guest;
        struct error err;
        struct cm_text text;
        fake_guest_init(&guest, 1024, CM_ENCODING_UTF8, NULL, 0);
        uint32_t len = (uint32_t)unhex(not_utf8[i].bytes, guest.guest.memory);
        CHECK_EQ(cm_text_load(&guest.guest, 0, len, &text, &err), ST_TRAP);
        CHECK_STR(str_of(err.message), not_utf8[i].message);
        guest.guest.between_guests = true;
        CHECK_EQ(cm_text_load(&guest.guest, 0, len, &text, &err), ST_TRAP);
        CHECK(strstr(err.message, "invalid utf8 encoding"));
        fake_guest_release(&guest);
    }
}

/* Every string of up to three bytes, against the plain definition. */
TEST(utf8_is_checked_like_its_definition)
{
    struct fake_guest guest;
    struct cm_text text;
    bool good = true;
    fake_guest_init(&guest, 1024, CM_ENCODING_UTF8, NULL, 0);
    for (uint32_t v = 0; v < 1 << 24 && good; v += 1 + (v & 0x3f)) {
        uint8_t bytes[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
        memcpy(guest.guest.memory + 100, bytes, 3);
        bool is_text = cm_text_load(&guest.guest, 100, 3, &text, NULL) == ST_OK;
        good = is_text == str_valid_utf8(str_n((const char *)bytes, 3));
    }
    fake_guest_release(&guest);
    CHECK(good);
}

TEST(unpaired_surrogates_trap)
{
    static const char *const bad[] = {"00d8", "00dc", "00d86100", "6100ffdf", "00dc00d8", "00d800d8", "3cd870df00d8"};
    static const enum cm_encoding encodings[] = {CM_ENCODING_UTF16, CM_ENCODING_LATIN1_UTF16};
    for (size_t i = 0; i < 2 * ARRAY_LEN(bad); i++) {
        struct fake_guest guest;
        struct error err;
        struct cm_text text;
        fake_guest_init(&guest, 1024, encodings[i % 2], NULL, 0);
        uint32_t units = (uint32_t)unhex(bad[i / 2], guest.guest.memory) / 2;
        CHECK_EQ(cm_text_load(&guest.guest, 0, units | (i % 2 ? CM_UTF16_TAG : 0), &text, &err), ST_TRAP);
        CHECK(strstr(err.message, "unpaired surrogate found"));
        fake_guest_release(&guest);
    }
}

/* The block is exactly as large as the memory, so one byte too many would be seen. */
TEST(strings_end_with_the_memory)
{
    static const struct {
        enum cm_encoding encoding;
        uint32_t address, tagged_units;
        const char *message; /* NULL: good */
    } places[] = {
        {CM_ENCODING_UTF8, 1024, 0, NULL},
        {CM_ENCODING_UTF8, 1025, 0, "string pointer/length out of bounds of memory"},
        {CM_ENCODING_UTF8, 0xdeadbeef, 0, "string pointer/length out of bounds of memory"},
        {CM_ENCODING_UTF8, 1020, 4, NULL},
        {CM_ENCODING_UTF8, 1020, 5, "string pointer/length out of bounds of memory"},
        {CM_ENCODING_UTF8, 0xffffffff, 0xffffffff, "string pointer/length out of bounds of memory"},
        {CM_ENCODING_UTF16, 1020, 2, NULL},
        {CM_ENCODING_UTF16, 1020, 3, "string pointer/length out of bounds of memory"},
        {CM_ENCODING_UTF16, 1021, 1, "string pointer not aligned to 2"},
        {CM_ENCODING_UTF16, 0, 0x80000000, "string pointer/length out of bounds of memory"},
        {CM_ENCODING_LATIN1_UTF16, 1021, 1, "string pointer not aligned to 2"},
        {CM_ENCODING_LATIN1_UTF16, 1020, 4, NULL},
        {CM_ENCODING_LATIN1_UTF16, 1020, 0x80000002, NULL},
        {CM_ENCODING_LATIN1_UTF16, 1020, 0x80000003, "string pointer/length out of bounds of memory"},
    };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct fake_guest guest;
        struct error err = {0};
        struct cm_text text;
        struct str s;
        fake_guest_init(&guest, 1024, places[i].encoding, NULL, 0);
        memset(guest.guest.memory, 'a', guest.size);
        enum status status = cm_text_load(&guest.guest, places[i].address, places[i].tagged_units, &text, &err);
        CHECK_STR(str_of(err.message), places[i].message ? places[i].message : "");
        CHECK_EQ(status, places[i].message ? ST_TRAP : ST_OK);
        if (status == ST_OK)
            CHECK_EQ(cm_text_lift(&guest.guest, &text, &s, &err), ST_OK);
        fake_guest_release(&guest);
    }
}

TEST(strings_longer_than_the_bound_trap)
{
    struct fake_guest guest;
    struct error err;
    struct cm_text text;
    size_t size = ((size_t)CM_MAX_BYTES + 1) * 2;
    fake_guest_init(&guest, 1024, CM_ENCODING_UTF8, NULL, 0);
    guest.size = size; /* never read that far: the length alone is refused */
    guest.guest.memory_size = size;
    CHECK_EQ(cm_text_load(&guest.guest, 0, CM_MAX_BYTES + 1, &text, &err), ST_TRAP);
    CHECK(strstr(err.message, "longer than the maximum"));
    guest.guest.encoding = CM_ENCODING_UTF16;
    CHECK_EQ(cm_text_load(&guest.guest, 0, CM_MAX_BYTES / 2 + 1, &text, &err), ST_TRAP);
    CHECK_EQ(cm_text_of_host(str_n("", (size_t)CM_MAX_BYTES + 1), &text, &err), ST_TRAP);
    CHECK_EQ(cm_text_of_host(STR("caf\xe9"), &text, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "the host's string is not UTF-8 at byte 3");
    fake_guest_release(&guest);
}

TEST(strings_are_lifted_to_utf8)
{
    static const struct {
        enum cm_encoding encoding;
        const char *bytes;
        uint32_t tagged_units;
        const char *want;
        bool is_view;
    } lifts[] = {
        {CM_ENCODING_UTF8, "6869c3a9", 4, "hi\u00e9", true},
        {CM_ENCODING_UTF16, "68006900", 2, "hi", false},
        {CM_ENCODING_UTF16, "3cd870df0326", 3, "\U0001f370\u2603", false},
        {CM_ENCODING_LATIN1_UTF16, "6869", 2, "hi", true},
        {CM_ENCODING_LATIN1_UTF16, "68e9ff", 3, "h\u00e9\u00ff", false},
        {CM_ENCODING_LATIN1_UTF16, "0326", 0x80000001, "\u2603", false},
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(lifts); i++) {
        struct fake_guest guest;
        struct error err;
        struct cm_text text;
        struct str s;
        fake_guest_init(&guest, 1024, lifts[i / 2].encoding, NULL, 0);
        guest.guest.copies = i % 2;
        unhex(lifts[i / 2].bytes, guest.guest.memory + 8);
        CHECK_EQ(cm_text_load(&guest.guest, 8, lifts[i / 2].tagged_units, &text, &err), ST_OK);
        CHECK_EQ(cm_text_lift(&guest.guest, &text, &s, &err), ST_OK);
        CHECK_STR(s, lifts[i / 2].want);
        CHECK_EQ(s.data == (const char *)guest.guest.memory + 8, lifts[i / 2].is_view && i % 2 == 0);
        fake_guest_release(&guest);
    }
}

TEST(bad_answers_of_realloc_trap)
{
    static const struct {
        enum cm_encoding encoding;
        uint32_t answer;
        bool between_guests;
        const char *message;
    } answers[] = {
        {CM_ENCODING_UTF8, 1021, false, "realloc return: beyond end of memory"},
        {CM_ENCODING_UTF8, 0xffffffff, false, "realloc return: beyond end of memory"},
        {CM_ENCODING_UTF8, 1021, true, "wasm trap: string content out-of-bounds"},
        {CM_ENCODING_UTF16, 3, false, "realloc return: result not aligned"},
        {CM_ENCODING_UTF16, 3, true, "wasm trap: unaligned pointer"},
        {CM_ENCODING_LATIN1_UTF16, 0xffffffff, false, "realloc return: result not aligned"},
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct fake_guest guest;
        struct error err;
        struct cm_text text;
        uint32_t address, units;
        fake_guest_init(&guest, 1024, answers[i].encoding, NULL, 0);
        guest.has_answer = true;
        guest.answer = answers[i].answer;
        guest.guest.between_guests = answers[i].between_guests;
        CHECK_EQ(cm_text_of_host(STR("four"), &text, &err), ST_OK);
        CHECK_EQ(cm_text_store(&guest.guest, &text, &address, &units, &err), ST_TRAP);
        CHECK_STR(str_of(err.message), answers[i].message);
        guest.status = ST_CANCELLED;
        CHECK_EQ(cm_text_store(&guest.guest, &text, &address, &units, &err), ST_CANCELLED);
        fake_guest_release(&guest);
    }
}
