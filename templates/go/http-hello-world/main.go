// Answers every request with a greeting.
package main

import (
	"example.com/http-hello-world/gen/export/wasi/http/incominghandler"
	"example.com/http-hello-world/gen/wasi/http/types"
	"example.com/http-hello-world/gen/wit"
)

//go:generate wash bindgen --guest go wit --out-dir gen

const greeting = "Hello from wasmCloud!\n"

func init() {
	incominghandler.Exports.Handle = handle
}

func handle(request *types.IncomingRequest, out *types.ResponseOutparam) {
	defer request.Drop()
	if err := respond(out, greeting); err != nil {
		panic(err)
	}
}

func respond(out *types.ResponseOutparam, text string) error {
	headers, err := types.FieldsFromList([]wit.Tuple2[string, []byte]{{F0: "content-type", F1: []byte("text/plain")}})
	if err != nil {
		return err
	}
	response := types.NewOutgoingResponse(headers)
	body, err := response.Body()
	if err != nil {
		return err
	}
	// The head goes out first; the body is streamed after it.
	types.ResponseOutparamSet(out, wit.Result[*types.OutgoingResponse, types.ErrorCode]{OK: response})
	if err := write(body, text); err != nil {
		return err
	}
	return types.OutgoingBodyFinish(body, nil)
}

func write(body *types.OutgoingBody, text string) error {
	stream, err := body.Write()
	if err != nil {
		return err
	}
	defer stream.Drop()
	return stream.BlockingWriteAndFlush([]byte(text))
}

// The host calls handle; there is nothing to start.
func main() {}
