package eventstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// JetStream API subjects of reads, before the stream's name.
const (
	apiDirect = "$JS.API.DIRECT.GET." // any replica answers: possibly behind, never wrong
	apiLeader = "$JS.API.STREAM.MSG.GET."
)

const (
	codeNoMessage = 10037
	directBatch   = 256
	directBytes   = 4 << 20
)

// getRequest is the body of both kinds of reads.
type getRequest struct {
	Seq       uint64   `json:"seq,omitempty"`
	LastFor   string   `json:"last_by_subj,omitempty"`
	NextFor   string   `json:"next_by_subj,omitempty"`
	Batch     int      `json:"batch,omitempty"`
	MaxBytes  int      `json:"max_bytes,omitempty"`
	MultiLast []string `json:"multi_last,omitempty"`
}

// endOfBatch is what the server says at the end of a direct get; zero when
// nothing was found.
type endOfBatch struct {
	pending uint64 // messages that did not fit into the answer
	upTo    uint64 // the replica's last sequence; only after multi_last
}

// direct sends a direct get and gives each message to each, in order. The error
// wraps ErrUnavailable.
func (s *Store) direct(ctx context.Context, req getRequest, each func(*nats.Msg)) (end endOfBatch, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.AckWait)
	defer cancel()
	body, err := json.Marshal(req)
	if err != nil {
		return end, fmt.Errorf("encode request: %w", err)
	}
	inbox := s.nc.NewInbox()
	answers := make(chan *nats.Msg, max(1, req.Batch, len(req.MultiLast))+1) // all, and the end
	sub, err := s.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return end, unavailable(err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only when the connection is closed
	if err := s.nc.PublishRequest(apiDirect+s.cfg.Stream, inbox, body); err != nil {
		return end, unavailable(err)
	}
	for {
		var m *nats.Msg
		select {
		case m = <-answers:
		case <-ctx.Done():
			return end, unavailable(ctx.Err())
		}
		switch status := first(m.Header, "Status"); status {
		case "":
			each(m)
		case "204":
			end.pending, _ = strconv.ParseUint(first(m.Header, "Nats-Num-Pending"), 10, 64)
			end.upTo, _ = strconv.ParseUint(first(m.Header, "Nats-UpTo-Sequence"), 10, 64)
			return end, nil
		case "404":
			return end, nil
		default:
			return end, fmt.Errorf("direct get: status %s: %w", status, ErrUnavailable)
		}
		if req.Batch == 0 && len(req.MultiLast) == 0 {
			return end, nil
		}
	}
}

// directRecord decodes an answer to a direct get.
func (s *Store) directRecord(m *nats.Msg) (Record, error) {
	seq, err := strconv.ParseUint(first(m.Header, "Nats-Sequence"), 10, 64)
	if err != nil {
		return Record{}, fmt.Errorf("direct get without a sequence: %w", ErrUnavailable)
	}
	return DecodeRecord(first(m.Header, "Nats-Subject"), seq, m.Header, m.Data)
}

// leaderReply is the leader's answer to a read.
type leaderReply struct {
	Error *struct {
		Code    int    `json:"code"`
		ErrCode int    `json:"err_code"`
		Text    string `json:"description"`
	} `json:"error"`
	Message struct {
		Subject string    `json:"subject"`
		Seq     uint64    `json:"seq"`
		Header  []byte    `json:"hdrs"`
		Data    []byte    `json:"data"`
		Time    time.Time `json:"time"`
	} `json:"message"`
}

// leader reads one message from the stream's leader. The error wraps
// ErrNotFound or ErrUnavailable.
func (s *Store) leader(ctx context.Context, req getRequest) (Record, error) {
	reply, header, err := s.leaderMessage(ctx, req)
	if err != nil {
		return Record{}, err
	}
	return DecodeRecord(reply.Message.Subject, reply.Message.Seq, header, reply.Message.Data)
}

// leaderMessage is leader for a message that need not be an event. Headers that
// cannot be read are left out.
func (s *Store) leaderMessage(ctx context.Context, req getRequest) (leaderReply, nats.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.AckWait)
	defer cancel()
	var reply leaderReply
	body, err := json.Marshal(req)
	if err != nil {
		return reply, nil, fmt.Errorf("encode request: %w", err)
	}
	m, err := s.nc.RequestWithContext(ctx, apiLeader+s.cfg.Stream, body)
	if err != nil {
		return reply, nil, unavailable(err)
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return reply, nil, fmt.Errorf("decode leader's answer: %w", unavailable(err))
	}
	if e := reply.Error; e != nil {
		if e.ErrCode == codeNoMessage {
			return reply, nil, ErrNotFound
		}
		return reply, nil, fmt.Errorf("leader read: %s (%d): %w", e.Text, e.ErrCode, ErrUnavailable)
	}
	header := nats.Header{}
	if len(reply.Message.Header) > 0 {
		if header, err = nats.DecodeHeadersMsg(reply.Message.Header); err != nil {
			header = nats.Header{}
		}
	}
	return reply, header, nil
}

// leaderLast returns the subject's last sequence as the leader knows it; 0 for
// none.
func (s *Store) leaderLast(ctx context.Context, subject string) (uint64, error) {
	r, err := s.leader(ctx, getRequest{LastFor: subject})
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil && !errors.Is(err, ErrInvalid) {
		return 0, err
	}
	return r.Seq, nil
}
