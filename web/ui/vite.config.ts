import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The daemon that the development server (npm run dev) passes requests on to.
const daemon = process.env.OPERATORD_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: '../dist',
    emptyOutDir: false, // npm run clean does it and leaves .gitkeep alone
    assetsInlineLimit: 0,
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'], // the first with light-dark()
    chunkSizeWarningLimit: 900,
  },
  server: {
    proxy: {
      '/api': { target: daemon, ws: true },
      '/whip': daemon,
    },
  },
  test: { include: ['src/**/*.test.ts'] },
});
