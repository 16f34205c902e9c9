#include "web/libcurl.h"
#include "base/library.h"
#include "base/mem.h"
#include <pthread.h>

/* The header's macros check the arguments of callers; here are the functions behind them. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

#define OLDEST 0x075500 /* 7.85: earlier ones take CURLOPT_PROTOCOLS_STR for no option, and speak any protocol */

/* clang-format off */
#define FUNCTIONS(X)                                                                                                               \
    X(curl_version_info_data *, curl_version_info, (CURLversion age), (age))                                                       \
    X(CURLcode, curl_global_init, (long flags), (flags))                                                                           \
    X(CURL *, curl_easy_init, (void), ())                                                                                          \
    X(void, curl_easy_reset, (CURL *curl), (curl))                                                                                 \
    X(CURLcode, curl_easy_perform, (CURL *curl), (curl))                                                                           \
    X(void, curl_easy_cleanup, (CURL *curl), (curl))                                                                               \
    X(const char *, curl_easy_strerror, (CURLcode code), (code))                                                                   \
    X(struct curl_slist *, curl_slist_append, (struct curl_slist *list, const char *text), (list, text))                           \
    X(void, curl_slist_free_all, (struct curl_slist *list), (list))                                                                \
    X(CURLU *, curl_url, (void), ())                                                                                               \
    X(CURLUcode, curl_url_set, (CURLU *url, CURLUPart part, const char *text, unsigned flags), (url, part, text, flags))           \
    X(void, curl_url_cleanup, (CURLU *url), (url))                                                                                 \
    X(void, curl_free, (void *memory), (memory))
/* clang-format on */

FUNCTIONS(LIBRARY_FUNCTION)

LIBRARY_POINTER(curl_easy_setopt);
LIBRARY_POINTER(curl_easy_getinfo);

/* An option's number says what its value is. */
CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
    CURLcode code;
    va_list args;
    va_start(args, option);
    if (option < CURLOPTTYPE_OBJECTPOINT)
        code = loaded_curl_easy_setopt(curl, option, va_arg(args, long));
    else if (option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB)
        code = loaded_curl_easy_setopt(curl, option, va_arg(args, curl_off_t));
    else
        code = loaded_curl_easy_setopt(curl, option, va_arg(args, void *));
    va_end(args);
    return code;
}

CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
    va_list args;
    va_start(args, info);
    CURLcode code = loaded_curl_easy_getinfo(curl, info, va_arg(args, void *));
    va_end(args);
    return code;
}

LIBRARY_POINTER(curl_url_get);

CURLUcode web_libcurl_url_get(CURLU *url, CURLUPart part, char **ret_text, unsigned flags)
{
    return loaded_curl_url_get(url, part, ret_text, flags);
}

/* Found by way of libcurl, which needs it: so it is the OpenSSL that made the context. */
LIBRARY_POINTER(SSL_CTX_get_cert_store);

X509_STORE *web_libcurl_authorities(const SSL_CTX *context)
{
    return loaded_SSL_CTX_get_cert_store(context);
}

#define OTHERS(X)                                                                                                                  \
    X(, curl_easy_setopt, , )                                                                                                      \
    X(, curl_easy_getinfo, , )                                                                                                     \
    X(, curl_url_get, , )                                                                                                          \
    X(, SSL_CTX_get_cert_store, , )

static const struct library_symbol symbols[] = {FUNCTIONS(LIBRARY_SYMBOL) OTHERS(LIBRARY_SYMBOL)};

/* Its set-up is not undone: other users of it may be there. */
static bool is_set_up;

static void set_up(void)
{
    is_set_up = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

enum status web_libcurl_load(struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static struct library library = {"libcurl.so.4", "libcurl4", symbols, ARRAY_LEN(symbols), NULL};
    TRY(library_load(&library, err));
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    if (info->version_num < OLDEST)
        return fail(err, ST_UNSUPPORTED, "libcurl %s is too old: this needs 7.85 or newer", info->version);
    pthread_once(&once, set_up);
    return is_set_up ? ST_OK : fail(err, ST_INTERNAL, "libcurl cannot be set up");
}
