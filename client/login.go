package client

import (
	"context"
	"net/http"
	"net/url"
)

// LoginRequest is a login by password.
type LoginRequest struct {
	Tenant   string `json:"tenant,omitempty" doc:"default: the default tenant"`
	Login    string `json:"login"`
	Password string `json:"password"`
	Code     string `json:"code,omitempty" doc:"of the authenticator, or a recovery code"`
	Client   string `json:"client,omitempty" doc:"program that logs in"`
}

// Tokens is what a login ends with (RFC 6749).
type Tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in" doc:"seconds"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
	Session      string `json:"session"`
}

// RefreshRequest changes a refresh token, or ends its session.
type RefreshRequest struct {
	RefreshToken string `json:"refresh_token"`
}

// AssertionRequest is a login by a key pair: a statement that it signed (RFC 7523).
type AssertionRequest struct {
	Assertion string `json:"assertion"`
	Client    string `json:"client,omitempty"`
}

// ExchangeRequest changes an API key for an access token.
type ExchangeRequest struct {
	Scope  []string `json:"scope,omitempty" doc:"permissions that the token is limited to"`
	Client string   `json:"client,omitempty"`
}

// DelegateRequest lets an agent act for the caller.
type DelegateRequest struct {
	Agent string   `json:"agent"`
	Scope []string `json:"scope" doc:"what the agent may do for the caller"`
}

// AcceptRequest spends an invitation.
type AcceptRequest struct {
	Invitation string `json:"invitation"`
	Name       string `json:"name,omitempty" doc:"unless the invitation says it"`
	Password   string `json:"password,omitempty" doc:"of a person"`
	PublicKey  string `json:"public_key,omitempty" doc:"of an agent: Ed25519, base64url"`
}

// Accepted says who came in by an invitation.
type Accepted struct {
	Tenant     string `json:"tenant"`
	Principal  string `json:"principal"`
	Name       string `json:"name"`
	Credential string `json:"credential"`
	Audience   string `json:"audience" doc:"whom assertions of the key pair are for"`
}

// PasswordRequest changes the caller's password.
type PasswordRequest struct {
	Old string `json:"old,omitempty" doc:"needed when there is one"`
	New string `json:"new"`
}

// TOTPOffer is a second factor that is not yet confirmed.
type TOTPOffer struct {
	Secret string `json:"secret"`
	URL    string `json:"url"`
	Sealed string `json:"sealed" doc:"to be sent back with the first code"`
}

// TOTPConfirm proves that an authenticator has the offered seed.
type TOTPConfirm struct {
	Sealed string `json:"sealed"`
	Code   string `json:"code"`
}

// RecoveryCodes work once each, where the authenticator is lost.
type RecoveryCodes struct {
	Codes []string `json:"codes"`
}

// TOTPRemove takes the second factor away.
type TOTPRemove struct {
	Password string `json:"password"`
}

// DeviceRequest begins a login that is approved elsewhere (RFC 8628).
type DeviceRequest struct {
	Client string `json:"client,omitempty"`
}

// Device is what a program shows, and asks with, while it waits.
type Device struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	ExpiresIn  int    `json:"expires_in" doc:"seconds"`
	Interval   int    `json:"interval" doc:"seconds between two questions"`

	VerificationURI         string `json:"verification_uri" doc:"page on which a person types the user code"`
	VerificationURIComplete string `json:"verification_uri_complete" doc:"the page with the user code filled in"`
}

// DeviceApproval lets the program that shows a code act as the caller.
type DeviceApproval struct {
	UserCode string `json:"user_code"`
}

// DeviceApproved names the program that was let in.
type DeviceApproved struct {
	Client string `json:"client"`
}

// DeviceQuestion asks whether a login was approved.
type DeviceQuestion struct {
	DeviceCode string `json:"device_code"`
}

// Providers are the names of the login providers.
type Providers struct {
	Providers []string `json:"providers"`
}

// AccountRequest links a person to an account at a login provider.
type AccountRequest struct {
	Provider string `json:"provider"`
	Subject  string `json:"subject" doc:"id of the account at the provider: the claim sub"`
}

// Providers lists the names of the login providers.
func (c *Client) Providers(ctx context.Context) ([]string, error) {
	all, err := get[Providers](ctx, c, "/v1/auth/providers", nil)
	return all.Providers, err
}

// ProviderLoginURL returns where a browser begins a login at a provider, for
// the program that waits with userCode.
func (c *Client) ProviderLoginURL(provider, userCode string) string {
	return c.base + "/v1/auth/oidc/" + url.PathEscape(provider) + "/start?" + url.Values{"device": {userCode}}.Encode()
}

// Login begins a session by a password.
func (c *Client) Login(ctx context.Context, r LoginRequest) (Tokens, error) {
	return post[Tokens](ctx, c, "/v1/auth/login", r)
}

// Refresh changes a refresh token for the next one. It is not repeated by
// itself: a refresh token that comes twice ends the session.
func (c *Client) Refresh(ctx context.Context, refreshToken string) (Tokens, error) {
	return post[Tokens](ctx, c, "/v1/auth/refresh", RefreshRequest{RefreshToken: refreshToken})
}

// Logout ends the session of a refresh token.
func (c *Client) Logout(ctx context.Context, refreshToken string) error {
	_, err := post[struct{}](ctx, c, "/v1/auth/logout", RefreshRequest{RefreshToken: refreshToken})
	return err
}

// Assert begins a session of an agent by a statement that its key signed.
func (c *Client) Assert(ctx context.Context, r AssertionRequest) (Tokens, error) {
	return post[Tokens](ctx, c, "/v1/auth/assertion", r)
}

// Exchange changes the client's API key for an access token.
func (c *Client) Exchange(ctx context.Context, r ExchangeRequest) (Tokens, error) {
	return post[Tokens](ctx, c, "/v1/auth/exchange", r)
}

// Delegate lets an agent act for the caller for an hour.
func (c *Client) Delegate(ctx context.Context, r DelegateRequest) (Tokens, error) {
	return post[Tokens](ctx, c, "/v1/auth/delegate", r)
}

// Accept spends an invitation.
func (c *Client) Accept(ctx context.Context, r AcceptRequest) (Accepted, error) {
	return post[Accepted](ctx, c, "/v1/auth/accept", r)
}

// ChangePassword changes the caller's password and ends all its sessions.
func (c *Client) ChangePassword(ctx context.Context, r PasswordRequest) error {
	_, err := post[struct{}](ctx, c, "/v1/auth/password", r)
	return err
}

// OfferTOTP asks for the seed of a second factor.
func (c *Client) OfferTOTP(ctx context.Context) (TOTPOffer, error) {
	return post[TOTPOffer](ctx, c, "/v1/auth/totp", struct{}{})
}

// ConfirmTOTP makes an offered seed the second factor.
func (c *Client) ConfirmTOTP(ctx context.Context, r TOTPConfirm) (RecoveryCodes, error) {
	return post[RecoveryCodes](ctx, c, "/v1/auth/totp/confirm", r)
}

// RemoveTOTP takes the second factor away.
func (c *Client) RemoveTOTP(ctx context.Context, password string) error {
	_, err := post[struct{}](ctx, c, "/v1/auth/totp/remove", TOTPRemove{Password: password})
	return err
}

// NewRecoveryCodes replaces the recovery codes.
func (c *Client) NewRecoveryCodes(ctx context.Context) (RecoveryCodes, error) {
	return post[RecoveryCodes](ctx, c, "/v1/auth/recovery-codes", struct{}{})
}

// BeginDevice begins a login that is approved elsewhere.
func (c *Client) BeginDevice(ctx context.Context, r DeviceRequest) (Device, error) {
	return post[Device](ctx, c, "/v1/auth/device", r)
}

// ApproveDevice lets the program that shows a code act as the caller.
func (c *Client) ApproveDevice(ctx context.Context, userCode string) (DeviceApproved, error) {
	return post[DeviceApproved](ctx, c, "/v1/auth/device/approve", DeviceApproval{UserCode: userCode})
}

// FinishDevice asks for the tokens of a device login. It fails with code
// authorization_pending until somebody has approved it.
func (c *Client) FinishDevice(ctx context.Context, deviceCode string) (Tokens, error) {
	return post[Tokens](ctx, c, "/v1/auth/device/token", DeviceQuestion{DeviceCode: deviceCode})
}

// post sends a request that is not repeated and returns its answer.
func post[T any](ctx context.Context, c *Client, path string, body any) (T, error) {
	var out T
	err := c.do(ctx, call{method: http.MethodPost, path: path, body: body, out: &out})
	return out, err
}
