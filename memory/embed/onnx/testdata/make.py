"""Writes testdata/tiny, a sentence model of 13 words and 4 dimensions.

A token's vector is its row of a table. Both dimensions of the inputs have one
name, as some exporters write it. Needs: pip install onnx==1.23.2 numpy
"""
import json
import pathlib

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "cat", "dog", "car", "truck", "the", "a", "##s", "and", "not"]
table = np.array([[9, 9, 9, 9], [0, 0, 0, 1], [0, 0, 0, 0.1], [0, 0, 0, 0.1], [1, 0, 0, 0], [0.9, 0.1, 0, 0], [0, 1, 0, 0], [0, 0.9, 0.1, 0],
                  [0, 0, 0.1, 0], [0, 0, 0.1, 0], [0, 0, 0, 0], [0, 0, 0.1, 0], [0, 0, 1, 0]], dtype=np.float32)
inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "batch"]) for n in ("input_ids", "attention_mask")]
output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", 4])
nodes = [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"], axis=0)]
graph = helper.make_graph(nodes, "tiny", inputs, [output], [numpy_helper.from_array(table, "table")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8

out = pathlib.Path(__file__).parent / "tiny"
out.mkdir(exist_ok=True)
save(model, out / "model.onnx")


def special(i):
    return {"id": i, "special": True, "content": words[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}


(out / "tokenizer.json").write_text(json.dumps({
    "version": "1.0",
    "truncation": {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0},
    "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
    "added_tokens": [special(i) for i in range(4)],
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "TemplateProcessing",
                       "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
                       "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
                       "special_tokens": {w: {"id": w, "ids": [i], "tokens": [w]} for w, i in (("[CLS]", 2), ("[SEP]", 3))}},
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {w: i for i, w in enumerate(words)}},
}, indent=1))

# A model that Open refuses.
quantised = [helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "scale", "zero"])]
x, y = (helper.make_tensor_value_info(n, t, ["batch", "sequence"]) for n, t in (("x", TensorProto.FLOAT), ("y", TensorProto.UINT8)))
save(helper.make_model(helper.make_graph(quantised, "quantised", [x], [y])), pathlib.Path(__file__).parent / "quantised.onnx")
