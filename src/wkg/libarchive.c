#include "wkg/libarchive.h"
#include "base/library.h"
#include "base/mem.h"

#define FUNCTIONS(X)                                                                                                               \
    X(struct archive *, archive_read_new, (void), ())                                                                              \
    X(int, archive_read_support_format_tar, (struct archive * archive), (archive))                                                 \
    X(int, archive_read_support_filter_gzip, (struct archive * archive), (archive))                                                \
    X(int, archive_read_open_memory, (struct archive * archive, const void *bytes, size_t len), (archive, bytes, len))             \
    X(int, archive_read_next_header, (struct archive * archive, struct archive_entry * *ret_entry), (archive, ret_entry))          \
    X(la_ssize_t, archive_read_data, (struct archive * archive, void *data, size_t len), (archive, data, len))                     \
    X(la_int64_t, archive_filter_bytes, (struct archive * archive, int filter), (archive, filter))                                 \
    X(int, archive_read_free, (struct archive * archive), (archive))                                                               \
    X(const char *, archive_error_string, (struct archive * archive), (archive))                                                   \
    X(const char *, archive_entry_pathname, (struct archive_entry * entry), (entry))                                               \
    X(const char *, archive_entry_hardlink, (struct archive_entry * entry), (entry))                                               \
    X(la_int64_t, archive_entry_size, (struct archive_entry * entry), (entry))                                                     \
    X(__LA_MODE_T, archive_entry_filetype, (struct archive_entry * entry), (entry))

FUNCTIONS(LIBRARY_FUNCTION)

enum status wkg_libarchive_load(struct error *err)
{
    static const struct library_symbol symbols[] = {FUNCTIONS(LIBRARY_SYMBOL)};
    static struct library library = {"libarchive.so.13", "libarchive13", symbols, ARRAY_LEN(symbols), NULL};
    return library_load(&library, err);
}
