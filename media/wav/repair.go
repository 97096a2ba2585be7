package wav

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Repair corrects the sizes in the header of a recording that was not closed, and cuts off an incomplete last sample.
// A complete recording stays as it is. It returns ErrFormat for a file that no Recorder has made.
func Repair(path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("repair recording: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("repair recording: %w", err)
	}
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(f, header); err != nil {
		return fmt.Errorf("repair recording: %w: shorter than its header", ErrFormat)
	}
	if string(header[:4]) != "RIFF" || string(header[8:16]) != "WAVEfmt " || string(header[36:40]) != "data" ||
		binary.LittleEndian.Uint16(header[32:]) != blockAlign {
		return fmt.Errorf("repair recording: %w: not made by this recorder", ErrFormat)
	}
	data := info.Size() - headerSize
	data -= data % blockAlign
	if data == int64(binary.LittleEndian.Uint32(header[dataSizeAt:])) {
		return nil
	}
	if err := f.Truncate(headerSize + data); err != nil {
		return fmt.Errorf("repair recording: %w", err)
	}
	return writeSizes(f, data)
}
