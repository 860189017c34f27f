import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Files under /pos/, each named by its content; nothing inline, so that the content security policy needs no exception. */
export default defineConfig({
  base: '/pos/',
  plugins: [react()],
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false }, target: 'es2022' },
});
