package archive

// Decode is decode, which reads files that somebody may have made up.
var Decode = decode
