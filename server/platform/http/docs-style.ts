/** The style of the reference page: one column on a phone, a list of contents beside it on a wide screen, light and dark. */
export const docs_style = `
:root{color-scheme:light dark;--ink:#1d2129;--soft:#5b6472;--line:#e3e6ea;--ground:#fff;--tint:#f6f7f9;--link:#0b5cad;--get:#0a7d4f;--post:#8a5a00}
@media (prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#a0a8b4;--line:#333942;--ground:#15181c;--tint:#1d2126;--link:#7db7f5;--get:#5fd0a2;--post:#e8b64c}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem;-webkit-text-size-adjust:100%}
body{margin:0;color:var(--ink);background:var(--ground);font:16px/1.6 system-ui,-apple-system,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
a{color:var(--link);text-decoration:none}
a:hover,a:focus-visible{text-decoration:underline}
nav{padding:1rem;border-bottom:1px solid var(--line);background:var(--tint)}
nav ul{list-style:none;margin:.25rem 0 .75rem;padding:0}
nav li{padding:.1rem 0}
nav strong{display:block;margin-top:.75rem}
main{padding:1rem;max-width:60rem;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.3rem;margin:2.5rem 0 .5rem;padding-top:1rem;border-top:1px solid var(--line)}
h3{font-size:1.1rem;margin:2rem 0 .25rem}
h4{font-size:.95rem;margin:1.25rem 0 .25rem;color:var(--soft)}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875em}
pre{padding:.75rem;background:var(--tint);border:1px solid var(--line);border-radius:6px;overflow-x:auto;overflow-wrap:normal}
.route{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.GET{color:var(--get);font-weight:600}
.POST{color:var(--post);font-weight:600}
.soft{color:var(--soft)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.925rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem 0;border-bottom:1px solid var(--line)}
td:first-child code{white-space:nowrap}
th{color:var(--soft);font-weight:500}
details{margin:.5rem 0}
summary{cursor:pointer;color:var(--soft)}
:target{background:var(--tint);outline:2px solid var(--link);outline-offset:2px}
@media (max-width:40rem){thead{display:none}tr,td{display:block}tr{padding:.5rem 0;border-bottom:1px solid var(--line)}td{padding:.1rem 0;border:0}td:first-child code{white-space:normal}}
@media (min-width:64rem){body{display:grid;grid-template-columns:19rem 1fr}nav{position:sticky;top:0;height:100vh;overflow-y:auto;border-right:1px solid var(--line);border-bottom:0}main{padding:1rem 2.5rem 6rem}}
@media print{nav{display:none}}
`;
