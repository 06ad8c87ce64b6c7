package domain_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/hivemesh/hivemesh/domain"
)

func TestKindNames(t *testing.T) {
	t.Parallel()
	for kind, want := range map[domain.Kind]string{
		domain.Internal: "internal", domain.Invalid: "invalid", domain.Unauthenticated: "unauthenticated", domain.Denied: "denied",
		domain.NotFound: "not_found", domain.Conflict: "conflict", domain.TooLarge: "too_large", domain.Unavailable: "unavailable",
		domain.Limited: "limited", domain.Limited + 1: "internal",
	} {
		if got := kind.String(); got != want {
			t.Errorf("kind %d is %q, want %q", kind, got, want)
		}
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	sentinel := &domain.Error{Kind: domain.Conflict, Code: "taken", Message: "it is taken"}
	said := sentinel.Sayf("%s is taken", "x")
	wrapped := fmt.Errorf("load: %w", &domain.Error{Kind: domain.Unavailable, Message: "the log is down", Err: io.ErrUnexpectedEOF})
	switch {
	case !errors.Is(said, sentinel) || !errors.Is(fmt.Errorf("w: %w", said), sentinel):
		t.Error("an error made of a sentinel is not that sentinel")
	case sentinel.Message != "it is taken" || said.Error() != "x is taken":
		t.Errorf("messages %q and %q", sentinel.Message, said.Message)
	case errors.Is(sentinel, &domain.Error{Kind: domain.Conflict, Code: "other"}):
		t.Error("another code matches")
	case errors.Is(&domain.Error{Kind: domain.Conflict}, &domain.Error{Kind: domain.Conflict}):
		t.Error("errors without a code match")
	case !errors.Is(wrapped, io.ErrUnexpectedEOF) || wrapped.Error() != "load: the log is down":
		t.Errorf("the cause is not kept, or is shown: %v", wrapped)
	case domain.InvalidField("key", "is %d", 1).Error() != "key: is 1":
		t.Error("the field is not shown")
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want domain.Kind
	}{
		{domain.InvalidField("key", "is wrong"), domain.Invalid},
		{fmt.Errorf("w: %w", &domain.Error{Kind: domain.Denied}), domain.Denied},
		{io.EOF, domain.Internal},
		{nil, domain.Internal},
	} {
		if got := domain.KindOf(tt.err); got != tt.want {
			t.Errorf("KindOf(%v) = %s, want %s", tt.err, got, tt.want)
		}
	}
}
