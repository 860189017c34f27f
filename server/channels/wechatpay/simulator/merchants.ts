import { makeCertificate, makeKeyPair, serialFrom } from '../../kit/gateway/keys.ts';
import type { Merchant, PlatformKey, World } from './world.ts';

const year_ms = 365 * 86_400_000;
const valid_ms = 5 * year_ms;

/** The gateway's signing key: the newest one that is effective. */
export function currentPlatformKey(world: World): PlatformKey | undefined {
  return [...world.tables.platform_key.values()].filter((key) => key.effective_ms <= world.now_ms()).at(-1);
}

/** Makes a new signing key; the old certificate stays in the list, as during a rotation. */
export async function rotatePlatformKey(world: World): Promise<void> {
  const serial_no = serialFrom(world.hex(40));
  const from_ms = wholeSecond(world.now_ms());
  const { keys, private_pem } = await makeKeyPair();
  const subject = 'CN=Tenpay.com sign, O=Tenpay.com, OU=Tenpay.com CA Center, C=CN, L=ShenZhen';
  const certificate_pem = await makeCertificate({ subject, serial_no, from_ms, to_ms: from_ms + valid_ms, keys });
  world.put('platform_key', { serial_no, certificate_pem, private_pem, effective_ms: from_ms, expire_ms: from_ms + valid_ms });
}

type Enrolment = { readonly mode: 'direct' | 'provider'; readonly trust: 'certificate' | 'public_key' };

/** Opens a merchant (with a sub-merchant in provider mode) and returns its side of the credentials. */
export async function enroll(world: World, { mode, trust }: Enrolment): Promise<Record<string, unknown>> {
  if (!currentPlatformKey(world)) await rotatePlatformKey(world);
  const mchid = `19${world.digits(8)}`;
  const appid = newAppId(world);
  const own = await makeOwnKeys(world, mchid);
  const public_key = trust === 'public_key' ? { id: `PUB_KEY_ID_01${world.digits(32)}`, ...(await makeKeyPair()) } : undefined;
  const shared = {
    app_secret: world.hex(32),
    apiv3_key: world.hex(32),
    apiv2_key: world.hex(32),
    certificate_pem: own.certificate_pem,
    serial_no: own.serial_no,
    ...(public_key ? { public_key: { id: public_key.id, private_pem: public_key.private_pem } } : {}),
  };
  world.put('merchant', { mchid, appids: [appid], kind: mode, ...shared });
  return {
    mode,
    mchid,
    appid,
    ...(mode === 'provider' ? openSubMerchant(world, mchid, shared) : {}),
    serial_no: own.serial_no,
    private_key: own.private_pem,
    certificate: own.certificate_pem,
    apiv3_key: shared.apiv3_key,
    apiv2_key: shared.apiv2_key,
    trust,
    app_secret: shared.app_secret,
    oauth_page_url: world.ports.base_url,
    oauth_api_url: world.ports.base_url,
    ...(public_key ? { public_key_id: public_key.id, public_key: public_key.public_pem } : {}),
    gateway_url: world.ports.base_url,
  };
}

/** A sub-merchant signs nothing: its credentials are the provider's. */
function openSubMerchant(world: World, sp_mchid: string, shared: Omit<Merchant, 'mchid' | 'appids' | 'kind' | 'sp_mchid'>) {
  const sub_mchid = `16${world.digits(8)}`;
  const sub_appid = newAppId(world);
  world.put('merchant', { mchid: sub_mchid, appids: [sub_appid], kind: 'sub', sp_mchid, ...shared });
  return { sub_mchid, sub_appid };
}

async function makeOwnKeys(world: World, mchid: string) {
  const serial_no = serialFrom(world.hex(40));
  const from_ms = wholeSecond(world.now_ms());
  const { keys, private_pem } = await makeKeyPair();
  const certificate_pem = await makeCertificate({ subject: `CN=${mchid}, O=微信商户系统, C=CN`, serial_no, from_ms, to_ms: from_ms + valid_ms, keys });
  return { private_pem, certificate_pem, serial_no };
}

const newAppId = (world: World): string => `wx${world.hex(16)}`;

/** Certificates count in seconds. */
const wholeSecond = (ms: number): number => Math.floor(ms / 1000) * 1000;
