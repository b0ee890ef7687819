"""HEIC images without loss, most of 16x8 pixels: the extra `heif` can only read them."""

import base64
import zlib

import numpy as np

_ROWS, _COLUMNS = np.mgrid[:16, :8]
COLOR = np.stack([15 * _ROWS, 30 * _COLUMNS, 10 * (_ROWS + _COLUMNS)], -1).astype(np.uint8)
"""What the images show: uint8 of shape (16, 8, 3). `GREY_HEIC` holds the first channel."""


def _unpack(text: str) -> bytes:
    return zlib.decompress(base64.b85decode(text.replace("\n", "")))


TURNED_HEIC = _unpack(
    """
c-muNV30{GsVvAy&8%Pmg51nBLl8SRGck>Uf$?N+YDppk1Sn>t<P<^K3<a6VB@Af5Br_*J8N_gLU|?ck1hE+3LTCmCW)7ej5
U_lOi7==Du|;NPUK*GOk`)DVQo+iAYBI`_4H=LG89_>1D>A{#`3f>iav7j1896cwiVA@2=a~h``9QiHsMnd1g#*Z(X8}_5{{
zFH|37{(Fz_=c0Ck8vF!C_|{|{2Y3|7GmRI-c7ArUC2<;2K{DlvgYKw;C}(91D*SWFlMfMSdjKoSBCNkHWsE{q2Y3=%df0Bs
RY&d({zOU|hPit{osGysJ}GK&jRq5gG%VvXdSM38F*Ag*TsITPrb{}(`^0HjYqLqnh-vmz4`b{rrzoS8-WB|rx;NM;t~!eWJ
yfsw6|iJ7&f4akwoEJ{s-O7JD86eok@0cZ!aNp4CaFv6HwG#J;jZsOY6kRYbAkXNs#ROjA>_s#JitK0+L9yfk|+#|jG|9_>j
{r`WMYz*lC=jT3`>vl^}U)LGU&7JfAov{4>|9E}xzvK`0j358?AE;?R|A+rX&3_;|-x%J<SnaxX{izA(k|o-m=Y-z7edXB4t
&S;oJeL1ImUTog{{{2exo=9$d_(=}R!#LQby^abR{#IY#QPWKwXks{tPo995OM$0-~MTtu>Jo3f4Ji>9hl0g(trQ|?>56TtN
;I>QtiFo@%U~<-T>iy7db*?8w_gR=o;8OTG;a;e3^oVY|q!Vj9cWRwI#a!?!Edqd*zZzxrfq|yiA{8>Unze1CNLAfd`g%;<?
0r?8&Nod|u*w*9p5B@-JRxZuRnLb9!-V&#Gx34ey^&?3kPH^5~uer<d*p$3-l*HB;Z1sl>)Fa+m!7Z~aD3=EBO=eIjQs{ms&
Cu>XIasjx;f{QLa`nZo|H`Mc}?zdLVVEUqoFb%n@ZOOvBN9<Uu-5XpLQ?&eY*v4b&7Kg3jKvv_N{)`rZ9n6N?euZ8e$ohyC1
ivM&y9G?ZNZ2kZ5oe8T^GIxW0NMrrKn=JePUvINoIBWj${!`O0K9l7<y=TMi%I|km=YL<is?M^H!{Oe&^RCe~zk;&<RvrHTF
E=mg;<}qZ^rBl8c7`pk|G(mlzFl)|+wxL#*G<(IOQRR9Nl4G;tY2C6V_w326SHpTTCJy5_r(0X{H1w4fu7m=Sb9%x&d)^)V_
e^h-v9rJIXSdmaE=43i#yMmgY%CaJ@R1Xlnl)m`zGwq$=aW9^P{aJu5PJDw&?`^{~x}Fw`_6UI`6Yk>?A&u{{O!o9$TZqzqi
~zXPNp=u06{%j|f`dTXL#$w%-AN-3PwiF1J`e3&<>3t7*;IlK=nT){p%h%GM=pCdUlLH7)-CuZR+urFefUOKnk3){kFr+C4%
lf^_dWEVl^q%MR(5=4upPR?*2J-FYPZ|DP#0x8|K<i}P#I>3scF|Np<{_i>M=>KeG3GCO#hxi@c#?ccOUx1cjLYEwk_#7H~#
OXUf`+`$GZNPK-6w7@x#kx>Yg*MWJ34U&BT`@QE=
"""
)
"""To be turned clockwise, by its own rotation."""

GREY_HEIC = _unpack(
    """
c-muNV30{GsVvAy&8%Pmg51nBLl8SRGck>Ufw3$%wIq=N0u(b+a*CjAhJwuG5(YG&l$n#C3}U!AFfalk5HQYy&<qUB=|Dm`G
czv@%ms;x0y(KnP+mq^vLT4cSCCnf3s>?jv!JK|NMFk=NX`e+g+OJ_j4T{L=KLQZMgKoA{Q2_($mC~E0O}BTVB}%^{~x4)8L
WaCsALzDLn2U4&54l_RpLMsi&*rkUD>mlKzt(*!6c9bRLbVUc(AZr2xz`=a(+%xUUE(aP?VQ}p#dl)l384k3iYxB6l)~sB!b
+@0d=<ki2nco{|O+?1f(y3Xo&ABGQpk$sg%ep$c2S2Fu+(FnV4ByfUd~TO-TfXE_1R5<2vpX(IpHERP1+5tN;Ia|G9eMpZ^=
a)Kx$J$A0PO{|P_j=l|rN&$aA={MyW^sducFKYtFid~18xF3Bl1TjL$hKmQXs(Sbq2u1su(Tw%bm3hk@AZRPi$zUIH~8k3!Z
+@aH^tM9NJt+TOS!C>&mhEL_y*<c0fMqLNSrwN@)uJavb6zQ9m<-nk?RJK(=+Brh?y2-1rlVbD^Fh(hA&$PHEbV4>#Yz~7|e
!g4Ts>C>@BR%`$_li3<Fq#L3hy}Vov%KHEeG2=-1`#f~*d214_ivlQ@Zcn;0kcqI`wi1VCkC-Zu5PADj%N3!`JZcG+F^6eN?
f{H<_dRJ$FF7eUxRcyrYziXT&g5!=Grt}0lVtj4lRZ_-#x-fMKSNEH?UUZt!l0mT^Mxh<b?bu3HuXycv+SNS156vsXJ5o@<y
$BxNieLw?W9up5N7rZ?1AxU{Yt@xtL-1i3#5>aBA`WWjwMXc!J%>ed0?P6pCfUVnYNE9Xb#tw}4gR)4|i<md;VB%8FKCcy{3
U?rO`#Tl=h29<J7BEO7`joFw9wm)sz|bE&Pz{X5!cmic{sz%p^|qvL<?*jLE(X-Y8MKb4s$xvfWK<9#`|q!q_MPTF$Z<Mg&j
-IW^`?Yf!peFcxeT2ZFh_Q(*P@ENj+42HAgpNAbW+9)Ads+TwW{+rsS>HM9q>H=1lPRb2pR0`O#*?^h*q~ooXw)IOh;*JS0O
xnt0`6aVx!L&W^4q7Z`(tVg+btqCI;3R`Vtc1yD!St^hs=ay(IE`HouA5kTRcT&hs{`ZvpyTFWmP$RC{Pt?bVjkYU_^W?<ZD
Y8mFk1M3zG1a^_gvOTTv80SuOgoPo3c1YsCL&X2VT>i$CJHR@m$qvcx-s?!@m+fmDIL#tKFEtt~FY-yFKL3-+BKN@^!B+U9(
)vXa@u5ss&3Xe`&luXWEaJub*pwIa?lGe`|`5#M;nhjbS|RgkQZXVPu@WP+$DTWB-$3T9X+}&63$%HcD7Db0r;c@@I6Pa@h3
F)^+oyGDv3$2dw|BS#x1^$hQfsJ;ACgw>bF<-t6EFVKfOXxiHlvO(3UZZ;sOk{-QIoMSq*~Lp>NHmAbF{SJ|d~XF8nC;PkkB
LvQ>!?@PK-^BwrTZn!2t{%|EX-(F!wMH{2K>xvA~)VCTL&dX;U0026~+Ft
"""
)
"""A single channel."""

ADOBE_HEIC = _unpack(
    """
c-muNV30{GsVvAy&8%Pmg51nBLl8SRGck>Uf$4m1YDppk1Sn>t<P<^K3<a6VB@AdlDKjTO8N_gLU|<A7AYl3op@FP#Ktee)G
cOIy1&N9RIjKxgUPf86A&ALWkXe!oQ^Mq*Sx{5}r1diklJkLL<v?Z5j4T{L<~$3KqW>Ql{`~*(gMopcIRU6c+<}pY@&A920%
ouZW}uQ?Ob&@aIV~qfMpTIjECLFf?uK5Dxx-?@AOI9&oB)y#Xh;Go=Wt;>SYVK_Q32?Zl;r%JqJpA)pxYTEz`k(+231~3QIN
ZnLPTVg0{bhNj~N&elZy)&@PcpGAZjn`GLR0~i+~ma=^H>SQWO&845Z%xu|PUR{0~Sx9W2f$01{6Ei!&;K#FHT6CLr<hk^*2
9GP;1oL4JT3KSzRr!G9?O1IwS}(xNh`os3Mz3=9Z0CcO*{3v_^CJ{7kbHDGKC=rb_vn}b^oN;rsQ78j&K)j2@1MsiLfC@eXk
DF);pVD$b!0g3`3eE~#+#0xSjGC>-dIXFOSB{B<gVaXO4FRYDB%&aXyrT=nM5`lhZ`lP|Qo^=!FTEz(khFg>j|Nm$Ieg90|Z
uQm=^0w0t|B#=5`r#k`^Hcf%*XJt!|G)R2sKj=+z1eH)8mw~j4+?Aw`6I}!8r-V<H(9{`|K|f*oyKd=9?-J-yS18qX4Kzf(Q
>KT-zDs>G=x9Bzb#LIH-FNEwb%LeCKMNZddbF=9ADR<kl4;4w_feE&H{_a*?Zs17$2)^uzC1%<HbV8+9x*2b8c>uHgz_;?8w
lzdX8Vu(fNB;uiNiGU;pxh4O(^wBs^8!#F=9y5-YS;O*mJwdY<ixc?rzwRjol6qeN~mcRr}Iq3iF<Gc^jro0pgF<mQ{Te(AZ
8Rq<SsCm2{$r>|DY(Fr*5E|>YxstJWs+ob+53(9J=-qEN`oibe}uUX>%GTHmD3q5+i?O7vr_w?)=Y}M~C)o#7}dY*IpmtPHa
Wwi_}tW}SXNq4PF+WJ1BTzrXd3Pa&knOV(F?<$|ihKAfpmOD}-d9hq`_XUHXM*{1=w8VCw)|5NlHj{xxGbQO1*OF+hdCiN$+
ve_=QU6{=@l>qXuT<|F44hhy`&X}jbeLsB!}*WP+4*#A#2ISc)e`=ee?Ie{qu_UO^|vc73^uCTo_9X%5)F0|@Xb+)Xn(TJ=>
MJPpZ3Q!=hV9jFesk7EObGVCq{a&$MS`~+iuH7XWTB)&VD8PubV4R`CH`<=Z*!8mBL$B`t?pT<`UVwrB|^;BL2OV+VxEr7rk
O+Vi2CZyKLIYUY}p#@1`hle{IhZQmAOxTj<#MZNp6URg*p3KLtHu$n!fjXPfd)#WVX|jkmbHs60OD&;P&|e3MM9mmOdIfl<+
GhhX_#9<TUgd&7C8j`jXe<hx*C)j9oV>K}(5&tGQiS2S=RShTjOLQgXLiO`cU@y1rC|B8DV(^kJ`sZJ1JtQIPr?K{`TPSrAr
L$Ss8d_hBqe{Q#jpU)0~(1Sbv-S+>H!H~!IT;~1KM8_#ok%0=j&ShMZe*Yz_Wzt$-U)o*}z$CP}u$axMy~{*a>4x4LZO?3X9
RSdQ-8=
"""
)
"""With the color profile of Adobe RGB."""

FLAT_HEIC = _unpack(
    """
c-muNV30{GsVvAy&8%Pmg51nBLl8SRGck>UfzdZNwIq=N0u(b+a*CjAhJwuG5(YG&l$n#C3}U!AFfalk5HJ=(Xduu8V&%-ty
fiQmBq|Ezq%uKy8D+_aASPcyW=Sqw$=S?;q5>ejF0&vxA4nGhl{quAZ~&R}e}EMI|G@C)&krDzpE&`jL)?Lphw=Y^kOF3~3T
B{^T}%#%KshxhMn+VL15GSq(JNJ!?cAUM6krAs42nrWrED&Y2MarefaVJ)=jRmVCFfKCMR^$*8h}C~nZ*UEP)|8PG0@c&nP5
kQoF<-GkP8bnU_h`mGBL9NnTEM3iJ(AJ)nHu5T_EYbx&HqP6+70j_I^2=)~KynS67F>o42~qeUe9IT0sE-_`Xxt
"""
)
"""64x64 pixels of one gray level; stored in the size that it states."""
