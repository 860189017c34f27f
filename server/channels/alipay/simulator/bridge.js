// What Alipay puts into every page that its browser opens. @see https://opendocs.alipay.com/open/02kv1l
const call = (name, params, then = () => {}) => {
  if (name !== 'tradePay') return then({ error: 1 });
  askPayer(params, '#1466c2').then(
    (answer) => then({ resultCode: answer === 'pay' ? '9000' : answer === 'decline' ? '6001' : '4000', memo: answer }),
    () => then({ resultCode: '6002', memo: 'network' }),
  );
};
window.AlipayJSBridge = { call };
window.ap = { tradePay: (params, then) => call('tradePay', params, then) };
document.dispatchEvent(new Event('AlipayJSBridgeReady'));
