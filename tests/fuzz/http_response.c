/* libFuzzer target: a server's bytes through the response parser and the body decoder. The first byte chooses the method that the
 * responses answer. */
#include "http_transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum http_method asked[] = {HTTP_METHOD_GET, HTTP_METHOD_HEAD, HTTP_METHOD_CONNECT};
    if (size > 0)
        transcript_compare(str_n((const char *)data + 1, size - 1), true, asked[data[0] % ARRAY_LEN(asked)], NULL);
    return 0;
}
