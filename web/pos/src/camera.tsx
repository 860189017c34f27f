import { useEffect, useRef, useState } from 'react';
import { useText } from './language.tsx';

type Detector = { detect: (source: HTMLVideoElement) => Promise<readonly { readonly rawValue: string }[]> };
type DetectorMaker = new (options: { formats: string[] }) => Detector;

/** What wallets show: bar codes of type 128, and QR codes. */
const formats = ['code_128', 'qr_code'];
const look_ms = 150;

/** The browser's own reader, or a library where it has none: it is loaded only then. */
async function makeDetector(): Promise<Detector> {
  const own = (globalThis as { BarcodeDetector?: DetectorMaker }).BarcodeDetector;
  if (own) return new own({ formats });
  const [{ BarcodeDetector, prepareZXingModule }, { default: wasm }] = await Promise.all([
    import('barcode-detector/ponyfill'),
    import('zxing-wasm/reader/zxing_reader.wasm?url'),
  ]);
  // Our own copy: nothing is fetched from anywhere else.
  prepareZXingModule({ overrides: { locateFile: () => wasm } });
  return new BarcodeDetector({ formats: ['code_128', 'qr_code'] });
}

/** Shows the camera until it reads a payment code. */
export function Camera({ onCode, onClose }: { readonly onCode: (code: string) => void; readonly onClose: () => void }) {
  const t = useText();
  const video = useRef<HTMLVideoElement>(null);
  const [denied, setDenied] = useState(false);
  useEffect(() => {
    let stream: MediaStream | undefined;
    let stopped = false;
    const read = async () => {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
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
      for (const track of stream?.getTracks() ?? []) track.stop();
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
