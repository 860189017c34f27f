import type { Plate as PlateView } from '@heliu/contract';
import { type Plate, plateUrl, settingsOf } from './plate.ts';

/** A plate as the merchant sees it. */
export function viewPlate(plate: Plate, public_url: string): PlateView {
  const { id, livemode, batch_id, serial_no, code, state, store_id, terminal_id, created_at, version } = plate;
  return {
    object: 'plate',
    id,
    livemode,
    batch_id,
    serial_no,
    url: plateUrl(public_url, code),
    state,
    store_id,
    terminal_id,
    ...settingsOf(plate),
    created_at: created_at.toISOString(),
    version,
  };
}
