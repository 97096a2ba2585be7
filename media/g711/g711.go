// Package g711 converts between 16-bit linear samples and the 8-bit companded samples of ITU-T G.711.
package g711
