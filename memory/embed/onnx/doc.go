// Package onnx embeds with a sentence model on this machine, in pure Go and
// without a network: a directory with model.onnx and tokenizer.json, as the
// usual exporters write them, such as all-MiniLM-L6-v2. It is a module of its
// own, since the machinery for running models would more than double what the
// main binary depends on; its command mesh-onnx serves the model by HTTP to
// the openai embedder.
//
// # What kind of model
//
// BERT-like encoders with a WordPiece tokenizer, weights of 32 bits, whose
// first output is a vector a token. A text's vector is their mean, or the
// first one where 1_Pooling/config.json says so. Models that want a prefix
// before queries, such as E5, are not served well: both sides are embedded
// alike. Models quantised to 8 bits do not run in pure Go.
//
// Text beyond MaxTokens is not read.
package onnx
