// Package embed says what an embedder is: something that turns texts into
// vectors of unit length, so that texts which mean alike lie near each other
// by cosine.
//
// Three embedders implement [Provider]:
//
//   - ngram, built in: hashed words and characters. It is lexical: it finds
//     texts that share words or parts of words, not texts that mean alike in
//     other words.
//   - openai: any HTTP endpoint that speaks POST /embeddings as OpenAI defined
//     it, such as Ollama, vLLM, llama.cpp or mesh-onnx.
//   - onnx, a module of its own: a sentence model from a directory, in pure Go.
//     Its command mesh-onnx serves it to the openai embedder.
//
// # Rules of every embedder
//
// A call gives one result a text, in the texts' order, or an error and no
// result at all. Every vector has Dimensions numbers, all finite, and length 1.
// The same text gives the same vector as long as Model stays the same; an
// embedder whose vectors change must change its model name. Vectors of two
// models are never compared.
//
// # Failures
//
// An error is a [*Failure] when the embedder itself did not answer well, and
// the context's error when the caller gave up:
//
//	                     Retry   After
//	timeout, no link     yes     0          the caller's own back-off
//	429                  yes     as told    zero when the server did not say
//	500, 502, 503, 504   yes     as told
//	bad answer           yes     0          broken JSON, wrong count, NaN, …
//	wrong dimensions     no      0          the settings name another model
//	other 4xx            no      0          key, address, model or input is wrong
//
// A bad answer is worth a few repeats and no more: the caller counts them.
package embed
