package onnx

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gomlx/onnx-gomlx/onnx"
	"google.golang.org/protobuf/proto"
)

// defaultMaxTokens is what is read of a text when the model does not say.
const defaultMaxTokens = 256

// prepared is a model directory made ready: its files are as the runtime
// needs them, in a temporary directory.
type prepared struct {
	dir       string
	digest    string // of what decides the vectors, 12 hexadecimal digits
	maxTokens int
	first     bool // the first token's vector is the text's, not the mean
}

// prepare copies the model in dir to a temporary directory, which the caller
// removes, with two changes: the tokenizer cuts at maxTokens and does not pad,
// and inputs whose two dimensions share a name get two names.
func prepare(dir string, maxTokens int) (_ prepared, err error) {
	model, err := os.ReadFile(filepath.Join(dir, "model.onnx"))
	if err != nil {
		return prepared{}, fmt.Errorf("read model: %w", err)
	}
	var tokenizer map[string]any
	if err := readJSON(filepath.Join(dir, "tokenizer.json"), &tokenizer); err != nil {
		return prepared{}, err
	}
	p := prepared{maxTokens: maxTokens}
	if p.first, err = poolsFirst(dir); err != nil {
		return prepared{}, err
	}
	if p.maxTokens == 0 {
		p.maxTokens = ownMaxTokens(dir, tokenizer)
	}
	tokenizer["padding"] = nil
	tokenizer["truncation"] = map[string]any{"direction": "Right", "max_length": p.maxTokens, "strategy": "LongestFirst", "stride": 0}
	words, err := json.Marshal(tokenizer)
	if err != nil {
		return prepared{}, fmt.Errorf("encode tokenizer: %w", err)
	}
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%v %d %d ", p.first, len(model), len(words))
	_, _ = sum.Write(model)
	_, _ = sum.Write(words)
	p.digest = hex.EncodeToString(sum.Sum(nil))[:12]
	if model, err = nameDimensions(model); err != nil {
		return prepared{}, err
	}
	if p.dir, err = os.MkdirTemp("", "mesh-onnx-"); err != nil {
		return prepared{}, fmt.Errorf("prepare model: %w", err)
	}
	for name, content := range map[string][]byte{"model.onnx": model, "tokenizer.json": words} {
		if err := os.WriteFile(filepath.Join(p.dir, name), content, 0o600); err != nil {
			_ = os.RemoveAll(p.dir) // the first error says more
			return prepared{}, fmt.Errorf("prepare model: %w", err)
		}
	}
	return p, nil
}

// nameDimensions refuses quantised models and takes the name off the second dimension of inputs that have
// one name for both, which means that texts are as long as the batch.
func nameDimensions(model []byte) ([]byte, error) {
	m, err := onnx.Parse(model)
	if err != nil {
		return nil, fmt.Errorf("parse model: %w", err)
	}
	for _, node := range m.Proto.GetGraph().GetNode() {
		switch op := node.GetOpType(); op {
		case "MatMulInteger", "DynamicQuantizeLinear", "QLinearMatMul": // would crash the process
			return nil, fmt.Errorf("parse model: has %s, so it is quantised: take the one with weights of 32 bits", op)
		}
	}
	changed := false
	for _, in := range m.Proto.GetGraph().GetInput() {
		d := in.GetType().GetTensorType().GetShape().GetDim()
		if len(d) == 2 && d[0].GetDimParam() != "" && d[0].GetDimParam() == d[1].GetDimParam() {
			d[1].Value, changed = nil, true
		}
	}
	if !changed {
		return model, nil
	}
	fixed, err := proto.Marshal(&m.Proto)
	if err != nil {
		return nil, fmt.Errorf("write model: %w", err)
	}
	return fixed, nil
}

// poolsFirst tells whether the model's pooling is its first token's vector.
func poolsFirst(dir string) (bool, error) {
	var pooling struct {
		First bool `json:"pooling_mode_cls_token"`
		Mean  bool `json:"pooling_mode_mean_tokens"`
	}
	path := filepath.Join(dir, "1_Pooling", "config.json")
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return false, nil
	}
	if err := readJSON(path, &pooling); err != nil {
		return false, err
	}
	if pooling.First == pooling.Mean {
		return false, fmt.Errorf("%s: want pooling by mean or by first token, one of them", path)
	}
	return pooling.First, nil
}

// ownMaxTokens is what the model says about the length of texts.
func ownMaxTokens(dir string, tokenizer map[string]any) int {
	var sentence struct {
		Max int `json:"max_seq_length"`
	}
	if readJSON(filepath.Join(dir, "sentence_bert_config.json"), &sentence) == nil && sentence.Max > 0 {
		return sentence.Max
	}
	if cut, ok := tokenizer["truncation"].(map[string]any); ok {
		if n, ok := cut["max_length"].(float64); ok && n >= 3 {
			return int(n)
		}
	}
	return defaultMaxTokens
}

func readJSON(path string, into any) error {
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	return nil
}
