package onnx

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"

	"github.com/hivemesh/hivemesh/memory/embed"
)

// maxRequest is the most bytes of a request's body.
const maxRequest = 8 << 20

// Handler serves p as OpenAI's protocol has it: POST /v1/embeddings with
// "model", "input" (a text or a list) and the encoding "float", and GET
// /v1/models. Requests must be JSON by their Content-Type, which keeps web
// pages of other sites out.
func Handler(p embed.Provider) http.Handler {
	s := server{p}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/embeddings", s.embeddings)
	mux.HandleFunc("GET /v1/models", s.models)
	return mux
}

type server struct{ p embed.Provider }

// input is one text or a list of them.
type input []string

// UnmarshalJSON reads a text or a list of texts.
func (in *input) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*in = input{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(in))
}

type request struct {
	Model      string `json:"model"`
	Input      input  `json:"input"`
	Format     string `json:"encoding_format"`
	Dimensions int    `json:"dimensions"`
}

type vector struct {
	Object    string    `json:"object"`
	Index     int       `json:"index"`
	Embedding []float32 `json:"embedding"`
}

func (s server) embeddings(w http.ResponseWriter, r *http.Request) {
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "unsupported_media_type", "want application/json")
		return
	}
	var q request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&q); err != nil {
		status := http.StatusBadRequest
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		refuse(w, status, "invalid_request", "want JSON with model and input")
		return
	}
	switch {
	case q.Model != s.p.Model():
		refuse(w, http.StatusNotFound, "model_not_found", "this is "+s.p.Model())
	case len(q.Input) == 0 || len(q.Input) > s.p.MaxBatch():
		refuse(w, http.StatusBadRequest, "invalid_batch_size", "too many texts or none")
	case q.Format != "" && q.Format != "float":
		refuse(w, http.StatusBadRequest, "invalid_encoding_format", "want float")
	case q.Dimensions != 0 && q.Dimensions != s.p.Dimensions():
		refuse(w, http.StatusBadRequest, "invalid_dimensions", "this model cannot shorten its vectors")
	default:
		s.answer(w, r, q)
	}
}

func (s server) answer(w http.ResponseWriter, r *http.Request, q request) {
	results, err := s.p.Embed(r.Context(), q.Input)
	var f *embed.Failure
	switch {
	case r.Context().Err() != nil: // nobody is there to answer
	case errors.As(err, &f) && f.Code == embed.BadInput:
		refuse(w, http.StatusBadRequest, "invalid_input", f.Reason)
	case err != nil:
		refuse(w, http.StatusInternalServerError, "model_failed", err.Error())
	default:
		data, tokens := make([]vector, len(results)), 0
		for i, r := range results {
			data[i] = vector{"embedding", i, r.Vector}
			tokens += r.Tokens
		}
		write(w, http.StatusOK, map[string]any{
			"object": "list", "model": q.Model, "data": data,
			"usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens},
		})
	}
}

func (s server) models(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{"object": "list", "data": []any{map[string]any{"id": s.p.Model(), "object": "model", "owned_by": "local"}}})
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	write(w, status, map[string]any{"error": map[string]string{"message": message, "type": code, "code": code}})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone
}
