package policy

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go"
)

// value returns a Go value as one of Cedar; false for what Cedar has no value
// for, such as a fraction or nil.
func value(v any) (cedar.Value, bool) {
	switch v := v.(type) {
	case string:
		return cedar.String(v), true
	case bool:
		return cedar.Boolean(v), true
	case int:
		return cedar.Long(v), true
	case int64:
		return cedar.Long(v), true
	case float64: // of JSON
		return cedar.Long(v), v == math.Trunc(v) && math.Abs(v) <= 1<<53
	case time.Time:
		return cedar.NewDatetime(v), true
	case []string:
		return texts(v), true
	case []any:
		return set(v)
	case map[string]string:
		out := make(cedar.RecordMap, len(v))
		for k, text := range v {
			out[cedar.String(k)] = cedar.String(text)
		}
		return cedar.NewRecord(out), true
	case map[string]any:
		return cedar.NewRecord(recordMap(v)), true
	}
	return nil, false
}

// CheckAttributes fails when Cedar has no value for an attribute, such as for
// null or a fraction.
func CheckAttributes(m map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if _, ok := value(m[name]); !ok {
			return fmt.Errorf("%.64q has no value of Cedar: text, whole number, true, false, list or object", name)
		}
	}
	return nil
}

func set(items []any) (cedar.Value, bool) {
	out := make([]cedar.Value, 0, len(items))
	for _, item := range items {
		v, ok := value(item)
		if !ok {
			return nil, false
		}
		out = append(out, v)
	}
	return cedar.NewSet(out...), true
}

// recordMap converts what can be converted. What is left out makes a policy
// that asks for it impossible to evaluate.
func recordMap(m map[string]any) cedar.RecordMap {
	out := make(cedar.RecordMap, len(m)+2)
	for k, item := range m {
		if v, ok := value(item); ok {
			out[cedar.String(k)] = v
		}
	}
	return out
}

func texts(items []string) cedar.Set {
	out := make([]cedar.Value, len(items))
	for i, item := range items {
		out[i] = cedar.String(item)
	}
	return cedar.NewSet(out...)
}
