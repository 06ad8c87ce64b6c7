// Package openai embeds, and summarises (see Chat), through any HTTP endpoint that speaks OpenAI's
// protocol: POST {base}/embeddings with a model and a list of texts. Ollama,
// vLLM, llama.cpp's server, text-embeddings-inference and mesh-onnx do.
//
// # What is sent, and to whom
//
// The texts leave the machine if the endpoint is elsewhere. The key goes to
// the configured host alone: redirects are not followed, and it is not sent
// over plain HTTP to another machine unless that was asked for. It is in no
// error and no log. Of what the server writes about an error only a short
// code, such as "model_not_found", is shown.
//
// # What is checked
//
// Nothing of an answer is taken on trust: its size, that it is whole, one
// vector a text, each index once (vectors are put in order by it), the number
// of dimensions, finite numbers that are not all zero. An answer that fails
// is a *embed.Failure as package embed describes; there are no results then.
//
// One call to Embed is one request. It waits for its turn: at most
// MaxConcurrent requests run, within RequestsPerMinute and TokensPerMinute.
// Repeating is left to the caller, who knows how long the work may wait.
package openai
