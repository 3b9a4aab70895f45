package store

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// One encoder and one decoder serve all goroutines.
var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2))
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(maxPayload))
)

// maxPayload is more than any request that a receiver takes.
const maxPayload = 16 << 20

// Pack compresses a provider's request for the table payloads.
func Pack(body []byte) []byte {
	return packer.EncodeAll(body, make([]byte, 0, len(body)/3+64))
}

// SizeLength is how many bytes of a compressed request tell its size.
const SizeLength = zstd.HeaderMaxSize

// untold is the size from which on Pack writes it down.
const untold = 256

// Size is that of the request again, and less than 256 where it was that. It needs no more than the first SizeLength
// bytes.
func Size(packed []byte) (int, error) {
	var h zstd.Header
	if err := h.Decode(packed[:min(len(packed), SizeLength)]); err != nil {
		return 0, fmt.Errorf("reading a payload's size: %w", err)
	}
	if !h.HasFCS {
		return untold - 1, nil
	}
	return int(min(h.FrameContentSize, maxPayload)), nil
}

// Unpack is the request again.
func Unpack(packed []byte) ([]byte, error) {
	body, err := unpacker.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("reading a payload: %w", err)
	}
	return body, nil
}
