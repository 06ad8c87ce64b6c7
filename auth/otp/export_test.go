package otp

import base "github.com/pquerna/otp"

// Generate8 returns the 8-digit code of a step, the length of the vectors in
// RFC 6238.
func Generate8(secret string, step int64) (string, error) {
	return generate(secret, step, base.DigitsEight)
}

// Generate returns the code of a step.
func Generate(secret string, step int64) (string, error) {
	return generate(secret, step, base.DigitsSix)
}
