package password

// Reparse returns a verifier after it was read and written again.
func Reparse(text string) (string, error) {
	v, err := parse(text)
	if err != nil {
		return "", err
	}
	return v.String(), nil
}

// Occupy takes a slot until the returned function is called.
func (h *Hasher) Occupy() (release func()) {
	h.slots <- struct{}{}
	return func() { <-h.slots }
}
