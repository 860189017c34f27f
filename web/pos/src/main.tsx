import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { LanguageOf } from './language.tsx';
import './pos.css';

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <LanguageOf>
        <App />
      </LanguageOf>
    </StrictMode>,
  );
}
if ('serviceWorker' in navigator) void navigator.serviceWorker.register('/pos/sw.js');
