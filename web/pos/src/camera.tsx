import { useEffect, useRef, useState } from 'react';
import { useText } from './language.tsx';

type Detector = { detect: (source: HTMLVideoElement) => Promise<readonly { readonly rawValue: string }[]> };
type DetectorMaker = new (options: { formats: string[] }) => Detector;

const look_ms = 150;

/** What wallets show are bar codes of type 128, and QR codes: read by the browser, or by a library where it has no reader, loaded only then. */
async function makeDetector(): Promise<Detector> {
  const own = (globalThis as { BarcodeDetector?: DetectorMaker }).BarcodeDetector;
  if (own) return new own({ formats: ['code_128', 'qr_code'] });
  // The library's program and its WebAssembly come from one package: of two versions the one cannot read the other's memory.
  const [{ prepareZXingModule, readBarcodes }, { default: wasm }] = await Promise.all([
    import('zxing-wasm/reader'),
    import('zxing-wasm/reader/zxing_reader.wasm?url'),
  ]);
  // Our own copy: nothing is fetched from anywhere else.
  prepareZXingModule({ overrides: { locateFile: () => wasm } });
  const canvas = document.createElement('canvas');
  const drawing = canvas.getContext('2d', { willReadFrequently: true });
  return {
    async detect(source) {
      if (!drawing || source.videoWidth === 0) return [];
      [canvas.width, canvas.height] = [source.videoWidth, source.videoHeight];
      drawing.drawImage(source, 0, 0);
      const read = await readBarcodes(drawing.getImageData(0, 0, canvas.width, canvas.height), { formats: ['Code128', 'QRCode'] });
      return read.filter(({ isValid }) => isValid).map(({ text }) => ({ rawValue: text }));
    },
  };
}

/** Shows the camera until it reads a payment code. */
export function Camera({ onCode, onClose }: { readonly onCode: (code: string) => void; readonly onClose: () => void }) {
  const t = useText();
  const video = useRef<HTMLVideoElement>(null);
  const [denied, setDenied] = useState(false);
  useEffect(() => {
    let stream: MediaStream | undefined;
    let stopped = false;
    const stop = () => {
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
    const read = async () => {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
      if (stopped) return stop();
      const detector = await makeDetector();
      const element = video.current;
      if (!element || stopped) return;
      element.srcObject = stream;
      await element.play();
      while (!stopped) {
        const code = (await detector.detect(element)).map(({ rawValue }) => rawValue).find((value) => /^[0-9A-Za-z]{16,64}$/.test(value));
        if (code && !stopped) return onCode(code);
        await new Promise((resolve) => setTimeout(resolve, look_ms));
      }
    };
    read().catch(() => setDenied(true));
    return () => {
      stopped = true;
      stop();
    };
  }, [onCode]);
  return (
    <div className="camera">
      {denied ? <p role="alert">{t('camera_denied')}</p> : <video ref={video} muted playsInline aria-label={t('camera')} />}
      <button type="button" onClick={onClose}>
        {t('back')}
      </button>
    </div>
  );
}
